import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { switchKeys, useKeys, useRegistry, workingKeys } from "./keys";

/** The keys of this page, opened by "?" or the button. */
export function KeyHelp() {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  useKeys({ "?": { does: t("keys.help"), run: () => setOpen(true) } });
  return (
    <>
      <button type="button" className="button quiet keys" aria-label={t("keys.help")} onClick={() => setOpen(true)}>
        ?
      </button>
      {open && <Help close={() => setOpen(false)} />}
    </>
  );
}

function Help({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const on = useRegistry((registry) => registry.on);
  useEffect(() => dialog.current?.showModal(), []);
  const named = (key: string) => (key === "Escape" || key === "Enter" ? t(`keys.${key}`) : key);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="keys-title" onClose={close}>
      <h2 id="keys-title">{t("keys.title")}</h2>
      <dl className="keylist">
        {[...workingKeys()].map(([key, { does }]) => (
          <div key={key}>
            <dt>
              <kbd>{named(key)}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label className="choice">
        <input type="checkbox" checked={on} onChange={(event) => switchKeys(event.target.checked)} />
        {t("keys.on")}
      </label>
      <form method="dialog">
        <button className="button">{t("keys.close")}</button>
      </form>
    </dialog>
  );
}
