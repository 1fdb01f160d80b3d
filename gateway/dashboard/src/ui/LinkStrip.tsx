import { useLive } from "../state/live";
import { span } from "./format";

/** The state of the connection, always in the same place, so that its loss moves nothing. */
export function LinkStrip() {
  const link = useLive((live) => live.link);
  const everLive = useLive((live) => live.everLive);
  if (link.phase === "live" || (!everLive && link.phase === "connecting")) {
    return (
      <section className="strip" aria-label="Connection">
        <span className="dot" aria-hidden="true" />
        <span role="status">
          {link.phase === "live" ? "Connected to the gateway" : "Connecting to the gateway …"}
        </span>
      </section>
    );
  }
  return (
    <section className="strip lost" aria-label="Connection">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M3 3l10 10M13 3L3 13" />
      </svg>
      <strong role="alert">
        {everLive ? "Disconnected from the gateway." : "The gateway does not answer."}
      </strong>
      <Since />
    </section>
  );
}

function Since() {
  const link = useLive((live) => live.link);
  const wall = useLive((live) => live.wall);
  const heardAt = useLive((live) => live.heardAt);
  return (
    <span className="since">
      {heardAt !== null && `What you see is the last that was known, ${span((wall - heardAt) / 1000)} ago. `}
      {link.phase === "lost" ? `Next attempt in ${span(Math.ceil((link.retryAt - wall) / 1000))}.` : "Connecting …"}
    </span>
  );
}
