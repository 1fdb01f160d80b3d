import { memo, useId } from "react";
import { useTranslation } from "react-i18next";
import { kilowatts, percent } from "../i18n/format";
import { useLive } from "../state/live";
import type { Slot } from "../state/types";
import { isEmpty } from "../ui/slot";
import { changesNothing, NO_CHANGE, type Change } from "./change";
import { useWhatIf } from "./whatIfStore";
import { WhatIfAnswer } from "./WhatIfAnswer";

const STEP_W = 100;

interface Props {
  station: string;
  /** What there is now, in W. */
  limit: number | null;
  charger: number | undefined;
}

/** What would be different under another grid limit, other chargers, more packs, another demand, or repaired slots. */
export const WhatIf = memo(function WhatIf({ station, limit, charger }: Props) {
  const { t } = useTranslation("station");
  const { change, set } = useWhatIf();
  const free = useLive((live) => slotsWhere(live.topics[`station/${station}`], isEmpty).length);
  const broken = useLive((live) => slotsWhere(live.topics[`station/${station}`], isOut).join());
  const patch = (changed: Partial<Change>) => set({ ...change, ...changed });
  const watts = (watts: number | null) => t("whatif.kilowatts", { power: kilowatts(watts) });
  /** At the value that there is now nothing is asked. */
  const orNow = (value: number, now: number) => (value === now ? null : value);
  return (
    <section className="panel whatif" aria-labelledby="whatif">
      <header>
        <h2 id="whatif">{t("whatif.title")}</h2>
        <button
          type="button"
          className="button"
          disabled={changesNothing(change)}
          onClick={() => set(NO_CHANGE)}
        >
          {t("whatif.reset")}
        </button>
      </header>
      <div className="sliders">
        {limit !== null && (
          <Slider
            name={t("whatif.grid")}
            value={change.grid_limit_w ?? limit}
            now={limit}
            most={Math.max(2 * limit, change.grid_limit_w ?? 0)}
            step={STEP_W}
            tell={watts}
            move={(value) => patch({ grid_limit_w: orNow(value, limit) })}
          />
        )}
        {charger !== undefined && (
          <Slider
            name={t("whatif.charger")}
            value={change.charger_power_w ?? charger}
            now={charger}
            least={STEP_W}
            most={Math.max(2 * charger, change.charger_power_w ?? 0)}
            step={STEP_W}
            tell={watts}
            move={(value) => patch({ charger_power_w: orNow(value, charger) })}
          />
        )}
        <Slider
          name={t("whatif.packs")}
          value={change.packs_added}
          now={0}
          most={Math.max(free, change.packs_added)}
          step={1}
          tell={(packs) => (packs === 0 ? t("whatif.noPacks") : `+${packs}`)}
          move={(value) => patch({ packs_added: value })}
        />
        <Slider
          name={t("whatif.demand")}
          value={change.demand_factor}
          now={1}
          most={Math.max(3, change.demand_factor)}
          step={0.05}
          tell={percent}
          move={(value) => patch({ demand_factor: value })}
        />
        <Repairs broken={broken} repaired={change.slots_repaired} set={(slots) => patch({ slots_repaired: slots })} />
      </div>
      <WhatIfAnswer station={station} />
    </section>
  );
});

interface SliderProps {
  name: string;
  value: number;
  now: number;
  least?: number;
  most: number;
  step: number;
  tell(value: number): string;
  move(value: number): void;
}

function Slider({ name, value, now, least = 0, most, step, tell, move }: SliderProps) {
  const { t } = useTranslation("station");
  const id = useId();
  const changed = value !== now;
  const fixed = most <= least;
  return (
    <div className={changed ? "slider changed" : "slider"}>
      <label htmlFor={id}>{name}</label>
      <input
        id={id}
        type="range"
        min={least}
        max={fixed ? least + step : most}
        step={step}
        value={value}
        disabled={fixed}
        aria-valuetext={tell(value)}
        onChange={(event) => move(near(Number(event.target.value), now, step))}
      />
      <span className="told">
        {tell(value)} {changed && <small>{t("whatif.now", { value: tell(now) })}</small>}
      </span>
    </div>
  );
}

/** The value that there is now need not be a whole number of steps; the slider must come back to it. */
function near(value: number, now: number, step: number): number {
  return Math.abs(value - now) < step / 2 ? now : Number(value.toFixed(4));
}

function Repairs(props: { broken: string; repaired: readonly number[]; set(slots: readonly number[]): void }) {
  const { t } = useTranslation("station");
  const { broken, repaired, set } = props;
  const offered = [...new Set([...broken.split(",").filter(Boolean).map(Number), ...repaired])].sort((a, b) => a - b);
  return (
    <fieldset className="slider">
      <legend>{t("whatif.repairs")}</legend>
      {offered.length === 0 ? (
        <span className="nothing">{t("whatif.noneBroken")}</span>
      ) : (
        <span className="checks">
          {offered.map((slot) => (
            <label key={slot}>
              <input
                type="checkbox"
                checked={repaired.includes(slot)}
                onChange={(event) =>
                  set(
                    event.target.checked
                      ? [...repaired, slot].sort((a, b) => a - b)
                      : repaired.filter((other) => other !== slot),
                  )
                }
              />
              {t("slot.number", { slot })}
            </label>
          ))}
        </span>
      )}
    </fieldset>
  );
}

function slotsWhere(keyed: Readonly<Record<string, unknown>> | undefined, is: (slot: Slot) => boolean): number[] {
  return Object.entries(keyed ?? {})
    .filter(([key, slot]) => key.startsWith("slot/") && is(slot as Slot))
    .map(([, slot]) => (slot as Slot).slot);
}

function isOut(slot: Slot): boolean {
  return slot.charger_state === "fault" || slot.charger_state === "disabled" || slot.enabled === false;
}
