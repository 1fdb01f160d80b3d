import { useTranslation } from "react-i18next";
import { Fragment } from "react";
import { go } from "../state/route";
import { useKeys } from "./keys";
import { Link } from "./Link";

/** The way up: the pages above this one, nearest last. Esc goes to the nearest. */
export function Crumbs({ above, name }: { above: readonly { to: string; name: string }[]; name: string }) {
  const { t } = useTranslation();
  const up = above.at(-1);
  useKeys(up === undefined ? {} : { Escape: { does: t("keys.up", { page: up.name }), run: () => go(up.to) } });
  return (
    <nav className="crumbs" aria-label={t("nav.way")}>
      {above.map((page) => (
        <Fragment key={page.to}>
          <Link to={page.to}>{page.name}</Link>
          <span aria-hidden="true"> / </span>
        </Fragment>
      ))}
      <span aria-current="page">{name}</span>
    </nav>
  );
}
