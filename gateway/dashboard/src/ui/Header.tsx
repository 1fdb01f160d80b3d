import { useTranslation } from "react-i18next";
import { clockTime, dateAndZone } from "../i18n/format";
import { match } from "../routes";
import { useLive } from "../state/live";
import { usePath } from "../state/route";
import { useZone } from "../state/zone";
import { KeyHelp } from "./KeyHelp";
import { Link } from "./Link";
import { Settings } from "./Settings";

export function Header() {
  const { t } = useTranslation();
  const health = useLive((live) => live.health);
  return (
    <header className="top">
      <a className="skip" href="#main">
        {t("skip")}
      </a>
      <Link to="/" className="home">
        <svg className="logo" viewBox="0 0 32 32" aria-hidden="true">
          <rect x="5" y="2" width="22" height="28" rx="3" />
          <path d="M9 9h14M9 16h14M9 23h8" />
        </svg>
        <span className="site">{health?.name ?? "swaptwin"}</span>
      </Link>
      {health?.emulated && (
        <span className="emulated">
          {health.speed === 1 ? t("emulator") : t("emulatorSpeed", { speed: health.speed })}
        </span>
      )}
      <Nav emulated={health?.emulated ?? false} />
      <Clock />
      <Settings />
      <KeyHelp />
    </header>
  );
}

const PAGES = ["network", "alarms", "devices", "bench"] as const;

function Nav({ emulated }: { emulated: boolean }) {
  const { t } = useTranslation();
  const path = usePath();
  const shown = PAGES.map((page) => ({ page, to: page === "network" ? "/" : `/${page}` })).filter(
    ({ page, to }) => match(to) !== null && (page !== "bench" || emulated),
  );
  const here = (to: string) => (to === "/" ? path === "/" || path.startsWith("/station/") : path.startsWith(to));
  return (
    <nav className="nav" aria-label={t("nav.label")}>
      {shown.map(({ page, to }) => (
        <Link key={page} to={to} current={here(to)}>
          {t(`nav.${page}`)}
        </Link>
      ))}
    </nav>
  );
}

function Clock() {
  const now = useLive((live) => live.now);
  const { zone } = useZone();
  if (now === null) return <span className="clock" />;
  const day = dateAndZone(now, zone);
  return (
    <time className="clock" dateTime={new Date(now * 1000).toISOString()}>
      <span className="date">{day.date}</span> <b>{clockTime(now, zone)}</b> <span className="zone">{day.zone}</span>
    </time>
  );
}
