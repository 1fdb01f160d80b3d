import { memo, useMemo, type CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { useLive } from "../state/live";
import type { Slot, Station } from "../state/types";
import { CsvButton } from "../ui/CsvButton";
import { Link } from "../ui/Link";
import { drift, unbroken } from "./explain";
import { front, type Layout } from "./front";
import { Mark, SlotButton } from "./SlotButton";
import { SLOT_COLUMNS, slotRows } from "./slotTable";

interface Props {
  station: string;
  layout: Layout | null | undefined;
  numbers: readonly number[];
  /** When each pack that charges is ready, by slot; null is never, as power is shared now. */
  readyAt: ReadonlyMap<number, number | null>;
  drifts: Station["drifts"];
  chosen: number | undefined;
  choose(slot: number): void;
}

/** The front of the cabinet as on its door: one button per slot; below it what drifts, if anything. */
export const Cabinet = memo(function Cabinet(props: Props) {
  const { t } = useTranslation("station");
  const { station, layout, numbers, readyAt, drifts, chosen, choose } = props;
  const cabinets = useMemo(() => front(layout, numbers), [layout, numbers]);
  return (
    <section className="panel cabinet" aria-labelledby="cabinet">
      <header>
        <h2 id="cabinet">{t("cabinet.title")}</h2>
        <Link to={`/station/${encodeURIComponent(station)}/cabinet`}>{t("cabinet.in3d")}</Link>
        <CsvButton
          name={`${station}-slots`}
          what={t("cabinet.title")}
          columns={SLOT_COLUMNS}
          rows={() => slotRows(slotsOf(station))}
        />
      </header>
      <div className="front">
        {cabinets.map(({ name, columns, doors }, i) => (
          <div key={i} className="doors" style={{ "--columns": columns } as CSSProperties}>
            {name !== "" && <span className="name">{name}</span>}
            <div className="grid">
              {doors.map(({ slot, row, column }) => (
                <div key={slot} style={{ gridRow: row, gridColumn: column }}>
                  <SlotButton
                    topic={`station/${station}`}
                    number={slot}
                    readyAt={readyAt.get(slot)}
                    chosen={slot === chosen}
                    choose={choose}
                  />
                </div>
              ))}
            </div>
          </div>
        ))}
      </div>
      {drifts.length > 0 && <Drifts drifts={drifts} />}
    </section>
  );
});

function slotsOf(station: string): Slot[] {
  const keyed = useLive.getState().topics[`station/${station}`] ?? {};
  return Object.keys(keyed)
    .filter((key) => key.startsWith("slot/"))
    .sort()
    .map((key) => keyed[key] as unknown as Slot);
}

function Drifts({ drifts }: { drifts: Station["drifts"] }) {
  const { t } = useTranslation("station");
  const now = useLive((live) => (live.now === null ? null : Math.floor(live.now / 10) * 10));
  return (
    <ul className="drifts">
      {drifts.map((alarm) => (
        <li key={`${alarm.kind} ${alarm.slot}`}>
          <Mark />
          {alarm.slot !== null && (
            <b>
              {t("slot.colon", { slot: alarm.slot })}{" "}
            </b>
          )}
          {unbroken(drift(alarm, now))}
        </li>
      ))}
    </ul>
  );
}
