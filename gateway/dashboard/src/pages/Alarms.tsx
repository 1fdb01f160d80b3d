import { useTranslation } from "react-i18next";
import { ActiveTab } from "../alarms/ActiveTab";
import { AsideTab } from "../alarms/AsideTab";
import { JournalTab } from "../alarms/JournalTab";
import { MeasuresTab } from "../alarms/MeasuresTab";
import { Operator } from "../alarms/Operator";
import { useAlarms } from "../alarms/useAlarms";
import { bundled } from "../i18n";
import english from "../i18n/en/alarmpage.json";
import { ASIDE, stands } from "../state/alarms";
import { useLive } from "../state/live";
import { useParameter } from "../state/route";
import { useTitle } from "../state/useTitle";
import { Crumbs } from "../ui/Crumbs";
import { Link } from "../ui/Link";
import "./alarms.css";

bundled("alarmpage", english);

const TABS = ["active", "shelved", "journal", "measures"] as const;
type Tab = (typeof TABS)[number];

export default function Alarms() {
  const { t } = useTranslation(["alarmpage", "common"]);
  const asked = useParameter("tab");
  const tab: Tab = TABS.find((each) => each === asked) ?? "active";
  const alarms = useAlarms();
  useTitle(t("title"), useLive((live) => live.health?.name));
  const number: Partial<Record<Tab, number | undefined>> = {
    active: alarms?.filter(stands).length,
    shelved: alarms?.filter((alarm) => ASIDE.includes(alarm.state)).length,
  };
  return (
    <>
      <Crumbs above={[{ to: "/", name: t("common:nav.network") }]} name={t("title")} />
      <div className="head">
        <h1>{t("title")}</h1>
        <Operator />
      </div>
      <nav className="tabs" aria-label={t("tabs")}>
        {TABS.map((each) => (
          <Link key={each} to={each === "active" ? "/alarms" : `/alarms?tab=${each}`} current={each === tab}>
            {t(`tab.${each}`)} {number[each] !== undefined && <span className="count">{number[each]}</span>}
          </Link>
        ))}
      </nav>
      {tab === "journal" ? (
        <JournalTab />
      ) : tab === "measures" ? (
        <MeasuresTab />
      ) : alarms === undefined ? (
        <section className="panel">
          <p className="empty">{t("common:waiting")}</p>
        </section>
      ) : tab === "active" ? (
        <ActiveTab alarms={alarms} />
      ) : (
        <AsideTab alarms={alarms} />
      )}
    </>
  );
}
