import "./station.css";
import { useMemo } from "react";
import { useLive } from "../state/live";
import { setParameter, useParameter } from "../state/route";
import type { Forecast, Slot, Station as Summary } from "../state/types";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { Cabinet } from "../ui/Cabinet";
import { ForecastPanel } from "../ui/ForecastPanel";
import { Link } from "../ui/Link";
import { SlotDetails } from "../ui/SlotDetails";
import { Age, drawnAs, QualityMark, Value } from "../ui/Value";
import { Power } from "../ui/Power";

export default function Station({ id }: { id: string }) {
  const [keyed, forecasts] = useTopics(`station/${id}`, `forecast/${id}`);
  const refusal = useLive((live) => live.refusals[`station/${id}`]);
  const forecast = forecasts?.["forecast"] as unknown as Forecast | undefined;
  const eta = useEta(forecast);
  const chosen = Number(useParameter("slot") ?? 1);
  const summary = keyed?.["station"] as unknown as Summary | undefined;
  useTitle(summary?.name ?? id, useLive((live) => live.health?.name));
  if (summary === undefined || keyed === undefined) {
    return (
      <>
        <Crumbs name={id} />
        <section className="panel message">
          <h1>{id}</h1>
          <p>{refusal === undefined ? "Waiting for the first data …" : `The gateway knows no station ${id}.`}</p>
        </section>
      </>
    );
  }
  const slots = Object.keys(keyed)
    .filter((key) => key.startsWith("slot/"))
    .sort()
    .map((key) => keyed[key] as unknown as Slot);
  const slot = slots.find((candidate) => candidate.slot === chosen) ?? slots[0];
  return (
    <>
      <Crumbs name={summary.name} />
      <div className="head">
        <h1>
          {summary.name} <small>{summary.id}</small>
        </h1>
        <Strip summary={summary} />
      </div>
      <div className="columns">
        <div>
          <Cabinet
            slots={slots}
            readyAt={eta.ready}
            drifts={summary.drifts}
            chosen={slot?.slot}
            choose={(number) => setParameter("slot", String(number))}
          />
          {slot !== undefined && (
            <SlotDetails slot={slot} readyAt={eta.ready.get(slot.slot)} fullAt={eta.full.get(slot.slot)} />
          )}
        </div>
        <ForecastPanel summary={summary} forecast={forecast} />
      </div>
    </>
  );
}

type Times = ReadonlyMap<number, number | null>;

/** When each pack that charges is ready and full, by slot; nothing once the forecast is out of date. */
function useEta(forecast: Forecast | undefined): { ready: Times; full: Times } {
  const old = useLive((live) => forecast !== undefined && live.now !== null && live.now > forecast.valid_until);
  return useMemo(() => {
    const known = forecast === undefined || old ? [] : forecast.eta;
    const at = (seconds: number | null) => (seconds === null ? null : (forecast?.generated_at ?? 0) + seconds);
    return {
      ready: new Map(known.map(({ slot, ready_s }) => [slot, at(ready_s)])),
      full: new Map(known.map(({ slot, full_s }) => [slot, at(full_s)])),
    };
  }, [forecast, old]);
}

function Crumbs({ name }: { name: string }) {
  return (
    <nav aria-label="Breadcrumb" className="crumbs">
      <Link to="/">Network</Link> <span aria-hidden="true">›</span> <span aria-current="page">{name}</span>
    </nav>
  );
}

function Strip({ summary }: { summary: Summary }) {
  const { ready_quality: quality, ready_reason: reason } = summary;
  const count = (n: number | null) => <Value text={String(n)} as={drawnAs(n !== null, quality, reason)} />;
  return (
    <dl className="figures">
      <div>
        <dt>Ready</dt>
        <dd data-figure="ready">
          {count(summary.ready)} <small>of {summary.slots}</small>
        </dd>
      </div>
      <div>
        <dt>Charging</dt>
        <dd>{count(summary.charging)}</dd>
      </div>
      <div className={summary.faulted ? "abnormal" : ""}>
        <dt>Faulted</dt>
        <dd>{count(summary.faulted)}</dd>
      </div>
      <div>
        <dt>Power / limit</dt>
        <dd>
          <Power station={summary} />
        </dd>
      </div>
      <div>
        <dt>Age of data</dt>
        <dd>
          <Age time={summary.data_time} />
        </dd>
      </div>
      <div>
        <dt>Data</dt>
        <dd>
          <QualityMark quality={summary.quality} reason={summary.reason} time={summary.data_time} />
        </dd>
      </div>
    </dl>
  );
}
