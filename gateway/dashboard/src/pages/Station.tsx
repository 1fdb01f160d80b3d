import "./station.css";
import { memo, useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { bundled } from "../i18n";
import station from "../i18n/en/station.json";
import { useLive } from "../state/live";
import { setParameter, useParameter } from "../state/route";
import type { Forecast, Slot, Station as Summary } from "../state/types";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { Cabinet } from "../station/Cabinet";
import { ForecastPanel } from "../station/ForecastPanel";
import { PowerPanel } from "../station/PowerPanel";
import { ResidualPanel } from "../station/ResidualPanel";
import { slotKey } from "../station/SlotButton";
import { SlotDetails } from "../station/SlotDetails";
import { StationFigures } from "../station/StationFigures";
import { SwapLog } from "../station/SwapLog";
import { useAsking } from "../station/useAsking";
import { usePast } from "../station/usePast";
import { WhatIf } from "../station/WhatIf";
import { useWhatIf } from "../station/whatIfStore";
import { Crumbs } from "../ui/Crumbs";
import { StationAlarms } from "../ui/StationAlarms";

bundled("station", station);

export default function Station({ id }: { id: string }) {
  const { t } = useTranslation("station");
  const { t: common } = useTranslation();
  const [keyed] = useTopics(`station/${id}`, `forecast/${id}`);
  const refusal = useLive((live) => live.refusals[`station/${id}`]);
  const summary = keyed?.["station"] as unknown as Summary | undefined;
  useTitle(summary?.name ?? id, useLive((live) => live.health?.name));
  useAsking(id);
  const crumbs = <Crumbs above={[{ to: "/", name: t("network") }]} name={summary?.name ?? id} />;
  if (summary?.slots === undefined) {
    return (
      <>
        {crumbs}
        <section className="panel message">
          <h1>{id}</h1>
          <p>{refusal === undefined ? common("waiting") : t("unknown", { station: id })}</p>
        </section>
      </>
    );
  }
  return (
    <>
      {crumbs}
      <div className="head">
        <h1>
          {summary.name} <small>{summary.id}</small>
        </h1>
        <StationFigures summary={summary} />
      </div>
      <Panels summary={summary} />
    </>
  );
}

const Panels = memo(function Panels({ summary }: { summary: Summary }) {
  const { id } = summary;
  const forecast = useLive((live) => live.topics[`forecast/${id}`]?.["forecast"]) as Forecast | undefined;
  const other = useWhatIf((state) => state.other);
  const eta = useEta(forecast);
  const pastS = usePast();
  const numbers = useNumbers(id);
  const wanted = Number(useParameter("slot") ?? 1);
  const chosen = numbers.includes(wanted) ? wanted : numbers[0];
  const slot = useLive((live) => live.topics[`station/${id}`]?.[slotKey(chosen ?? 0)]) as Slot | undefined;
  const choose = useCallback((number: number) => setParameter("slot", String(number)), []);
  return (
    <div className="columns">
      <div>
        <Cabinet
          station={id}
          layout={summary.layout}
          numbers={numbers}
          readyAt={eta.ready}
          drifts={summary.drifts}
          chosen={chosen}
          choose={choose}
        />
        <StationAlarms station={id} />
        {slot !== undefined && (
          <SlotDetails
            station={id}
            slot={slot}
            readyAt={eta.ready.get(slot.slot)}
            fullAt={eta.full.get(slot.slot)}
          />
        )}
      </div>
      <div className="tall">
        <ForecastPanel summary={summary} forecast={forecast} other={other} pastS={pastS} />
        <WhatIf station={id} limit={summary.grid_limit_w} charger={summary.charger_power_w} />
        <SwapLog station={id} />
      </div>
      <div>
        <PowerPanel summary={summary} pastS={pastS} />
        <ResidualPanel station={id} numbers={numbers} slot={slot} pastS={pastS} choose={choose} />
      </div>
    </div>
  );
});

/** The station's slots; the same list as long as they are the same. */
function useNumbers(id: string): readonly number[] {
  const keys = useLive((live) =>
    Object.keys(live.topics[`station/${id}`] ?? {})
      .filter((key) => key.startsWith("slot/"))
      .sort()
      .join(),
  );
  return useMemo(() => keys.split(",").filter(Boolean).map((key) => Number(key.slice("slot/".length))), [keys]);
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
