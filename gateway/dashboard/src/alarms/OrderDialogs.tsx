import { useEffect, useId, useRef, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { dismissRefusal, setOperator, useOrders, withdraw } from "../state/alarmOrders";

/** A question that must be answered or left before anything else; `data-first` marks the field to begin with. */
export function Dialog({ title, leave, submit, children }: {
  title: string;
  leave(): void;
  submit(): void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    shown?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => shown?.close();
  }, []);
  const send = (event: FormEvent) => {
    event.preventDefault();
    submit();
  };
  return (
    <dialog
      ref={dialog}
      className="dialog order"
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        leave();
      }}
    >
      <form onSubmit={send}>
        <h2 id={heading}>{title}</h2>
        {children}
      </form>
    </dialog>
  );
}

/** Asks for the operator's name before the first order, and tells what the gateway refused. */
export function OrderDialogs() {
  const { t } = useTranslation("alarms");
  const nameless = useOrders((orders) => orders.nameless);
  const refusal = useOrders((orders) => orders.refusal);
  return (
    <>
      {nameless !== null && <NameDialog leave={withdraw} />}
      {refusal !== null && (
        <p className="refusal" role="alert">
          <span>
            {t("act.refused", { message: refusal.message })} {refusal.remedy}
          </span>
          <button type="button" onClick={dismissRefusal}>
            {t("act.dismiss")}
          </button>
        </p>
      )}
    </>
  );
}

export function NameDialog({ leave }: { leave(): void }) {
  const { t } = useTranslation("alarms");
  const known = useOrders((orders) => orders.operator);
  const input = useRef<HTMLInputElement>(null);
  const submit = () => {
    const name = input.current?.value.trim() ?? "";
    if (name !== "") {
      setOperator(name);
      leave();
    }
  };
  return (
    <Dialog title={t("operator.title")} leave={leave} submit={submit}>
      <p>{t("operator.explain")}</p>
      <label>
        {t("operator.name")}
        <input ref={input} name="operator" defaultValue={known} maxLength={60} required autoComplete="name" data-first />
      </label>
      <div className="actions">
        <button type="button" className="button" onClick={leave}>
          {t("act.cancel")}
        </button>
        <button type="submit" className="button main">
          {t("operator.do")}
        </button>
      </div>
    </Dialog>
  );
}
