import "./slot.css";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { bundled } from "../i18n";
import english from "../i18n/en/slot.json";
import { useLive } from "../state/live";
import { go, setParameter, useParameter } from "../state/route";
import { NOTHING } from "../state/series";
import { partsOf } from "../state/station";
import type { Slot as SlotFields } from "../state/types";
import { useSlotWords, type SignalWord } from "../state/useSlotWords";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { BELIEVED, seen, useTrends } from "../state/useTrends";
import { useTruth } from "../state/useTruth";
import { ChargePanel } from "../ui/ChargePanel";
import { Crumbs } from "../ui/Crumbs";
import { useKeys } from "../ui/keys";
import { Link } from "../ui/Link";
import { PackStays } from "../ui/PackStays";
import { ALL_SIGNALS, GROUPS, numberOf, type SlotSignal } from "../ui/signals";
import { markOf } from "../ui/slot";
import { SlotFigures } from "../ui/SlotFigures";
import { Trend } from "../ui/Trend";

bundled("slot", english);

const WINDOWS = ["1", "6", "24", "168"] as const;
/** Signals that are known of every slot, whatever its devices report. */
const ALWAYS: ReadonlySet<SlotSignal> = new Set(["soc", "temperature_c", "occupied", "charger_state"]);

/** All that is known of one slot, its charger and the pack in it, over time. */
export default function Slot({ id, n }: { id: string; n: string }) {
  const { t } = useTranslation(["slot", "common"]);
  const [keyed] = useTopics(`station/${id}`);
  const refusal = useLive((live) => live.refusals[`station/${id}`]);
  const { summary, slots } = useMemo(() => partsOf(keyed), [keyed]);
  const number = Number(n);
  const slot = slots.find((candidate) => candidate.slot === number);
  const site = useLive((live) => live.health?.name);
  const title = t("title", { slot: n });
  useTitle(`${title}, ${summary?.name ?? id}`, site);
  const stationPath = `/station/${encodeURIComponent(id)}`;
  const crumbs = (
    <Crumbs
      above={[
        { to: "/", name: t("common:nav.network") },
        { to: stationPath, name: summary?.name ?? id },
      ]}
      name={title}
    />
  );
  if (summary === undefined || slot === undefined) {
    const why =
      summary !== undefined
        ? t("noSlot", { station: summary.name, slot: n })
        : refusal === undefined
          ? t("common:waiting")
          : t("noStation", { station: id });
    return (
      <>
        {crumbs}
        <section className="panel message">
          <h1>{title}</h1>
          <p>{why}</p>
        </section>
      </>
    );
  }
  return (
    <>
      {crumbs}
      <div className="head">
        <div className="slothead">
          <h1>
            {title} <small>{summary.name}</small>
          </h1>
          <Neighbours station={stationPath} slots={slots} number={number} />
        </div>
        <SlotFigures slot={slot} station={stationPath} />
      </div>
      <Charts station={id} slot={slot} />
      <div className="pairs">
        <ChargePanel station={id} slot={number} state={slot.charger_state} />
        {slot.pack_id !== null && (
          <section className="panel" aria-labelledby="stays">
            <PackStays pack={slot.pack_id} most={8} heading={t("pack.stays")} station={id} />
          </section>
        )}
      </div>
    </>
  );
}

function Neighbours({ station, slots, number }: { station: string; slots: readonly SlotFields[]; number: number }) {
  const { t } = useTranslation("slot");
  const at = slots.findIndex((slot) => slot.slot === number);
  const to = (index: number) => {
    const slot = slots[(index + slots.length) % slots.length];
    return `${station}/slot/${slot?.slot ?? number}${location.search}`;
  };
  useKeys({
    j: { does: t("next"), run: () => go(to(at + 1)) },
    k: { does: t("previous"), run: () => go(to(at - 1)) },
  });
  return (
    <p className="neighbours">
      <Link to={to(at - 1)} className="button quiet">
        {t("previous")}
      </Link>
      <Link to={to(at + 1)} className="button quiet">
        {t("next")}
      </Link>
      <Link to={`${station}/cabinet`} className="button quiet">
        {t("open3d")}
      </Link>
    </p>
  );
}

function Charts({ station, slot }: { station: string; slot: SlotFields }) {
  const { t } = useTranslation("slot");
  const words = useSlotWords(station);
  const asked = useParameter("hours");
  const hours = WINDOWS.find((choice) => choice === asked) ?? "1";
  const seconds = Number(hours) * 3600;
  const emulated = useLive((live) => live.health?.emulated ?? false);
  const shown = useMemo(
    () => (words === undefined ? [] : ALL_SIGNALS.filter((signal) => isShown(signal, words, slot))),
    [words, slot.slot],
  );
  const trends = useTrends(station, slot, slot.slot, seconds, shown);
  const lines = useMemo(() => seen(trends.series, shown), [trends.series, shown]);
  const truth = useTruth(station, slot.slot, seconds);
  const step = Math.max(1, seconds / 600);
  const to = useLive((live) => (live.now === null ? 0 : Math.ceil(live.now / step) * step));
  return (
    <section className="panel" aria-label={t("window.name")}>
      <header>
        <fieldset className="windows">
          <legend>{t("window.name")}</legend>
          {WINDOWS.map((choice) => (
            <label key={choice}>
              <input
                type="radio"
                name="hours"
                value={choice}
                checked={choice === hours}
                onChange={() => setParameter("hours", choice)}
              />
              {t(`window.${choice}`)}
            </label>
          ))}
        </fieldset>
        <Legend truth={emulated} />
      </header>
      {trends.failed && <p role="status">{t("historyFailed")}</p>}
      {GROUPS.map((group) => (
        <div key={group.name} className="trendgroup">
          <h2>{t(`group.${group.name}`)}</h2>
          <div className="trends">
            {group.signals
              .filter((signal) => shown.includes(signal))
              .map((signal) => (
                <Trend
                  key={signal}
                  of={`${station}-slot-${slot.slot}`}
                  signal={signal}
                  value={numberOf(slot, signal)}
                  {...markOf(slot, signal)}
                  normal={words?.get(signal)?.normal ?? null}
                  live={lines.get(signal) ?? NOTHING}
                  twin={BELIEVED.some((name) => name === signal) ? trends.series.get(`twin_${signal}`) : undefined}
                  truth={truth.get(signal)}
                  from={to - seconds}
                  to={to}
                />
              ))}
          </div>
        </div>
      ))}
      {emulated && <p className="note">{t("truthNote")}</p>}
    </section>
  );
}

function isShown(signal: SlotSignal, words: ReadonlyMap<string, SignalWord>, slot: SlotFields): boolean {
  const word = words.get(signal);
  return ALWAYS.has(signal) || (word === undefined ? signal in slot : word.reported);
}

function Legend({ truth }: { truth: boolean }) {
  const { t } = useTranslation("slot");
  return (
    <ul className="trendlegend" aria-hidden="true">
      <li>
        <i className="live" /> {t("line.live")}
      </li>
      <li>
        <i className="twin" /> {t("line.twin")}
      </li>
      {truth && (
        <li>
          <i className="truth" /> {t("line.truth")}
        </li>
      )}
      <li>
        <i className="normal" /> {t("legend.normal")}
      </li>
      <li>
        <i className="hatched" /> {t("legend.notGood")}
      </li>
    </ul>
  );
}
