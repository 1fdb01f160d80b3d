import { useLive } from "../state/live";
import { clockTime, dateAndZone } from "./format";
import { Link } from "./Link";

export function Header() {
  const health = useLive((live) => live.health);
  return (
    <header className="top">
      <Link to="/" className="home">
        <svg className="logo" viewBox="0 0 32 32" aria-hidden="true">
          <rect x="5" y="2" width="22" height="28" rx="3" />
          <path d="M9 9h14M9 16h14M9 23h8" />
        </svg>
        <span className="site">{health?.name ?? "swaptwin"}</span>
      </Link>
      {health?.emulated && (
        <span className="emulated">
          EMULATED{health.speed === 1 ? "" : `, time runs × ${health.speed}`}
        </span>
      )}
      <Clock />
    </header>
  );
}

function Clock() {
  const now = useLive((live) => live.now);
  const zone = useLive((live) => live.health?.timezone);
  if (now === null) return <span className="clock" />;
  const day = dateAndZone(now, zone);
  return (
    <time className="clock" dateTime={new Date(now * 1000).toISOString()}>
      <span className="date">{day.date}</span> <b>{clockTime(now, zone)}</b> <span className="zone">{day.zone}</span>
    </time>
  );
}
