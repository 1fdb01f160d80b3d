import "./slot.css";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { bundled } from "../i18n";
import english from "../i18n/en/slot.json";
import { fixed, percent, UNKNOWN } from "../i18n/format";
import { useLive } from "../state/live";
import { go, setParameter, useParameter } from "../state/route";
import { layoutOf, partsOf } from "../state/station";
import type { Slot } from "../state/types";
import { useSlotWords } from "../state/useSlotWords";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import type { Front } from "../ui/cabinet3d";
import { CabinetStage } from "../ui/CabinetStage";
import { Crumbs } from "../ui/Crumbs";
import { CsvButton } from "../ui/CsvButton";
import { facesOf, RUNS, type By, type Face } from "../ui/faces";

bundled("slot", english);

const CHOICES: readonly By[] = ["soc", "temperature"];

/** The cabinet as it stands there, coloured by one quantity, and the same as a list. */
export default function CabinetView({ id }: { id: string }) {
  const { t } = useTranslation(["slot", "common"]);
  const [keyed] = useTopics(`station/${id}`);
  const refusal = useLive((live) => live.refusals[`station/${id}`]);
  const { summary, slots } = useMemo(() => partsOf(keyed), [keyed]);
  const words = useSlotWords(id);
  const by: By = useParameter("by") === "temperature" ? "temperature" : "soc";
  const [pointed, setPointed] = useState<number | null>(null);
  const title = t("cabinet.title");
  useTitle(`${title}, ${summary?.name ?? id}`, useLive((live) => live.health?.name));
  const stationPath = `/station/${encodeURIComponent(id)}`;
  const choose = useCallback((slot: number) => go(`${stationPath}/slot/${slot}`), [stationPath]);
  const layout = useMemo(() => layoutOf(keyed, slots.length), [keyed?.["station"]?.["layout"], slots.length]);
  const normal = by === "temperature" ? (words?.get("temperature_c")?.normal ?? null) : null;
  const faces = useMemo(() => facesOf(slots, layout, by, normal), [slots, layout, by, normal]);
  const text = (face: Face) => valueText(face, by, t("cabinet.empty"));
  const fronts = useMemo<Front[]>(
    () =>
      faces.map((face) => {
        const picture = {
          number: String(face.slot),
          text: valueText(face, by, t("cabinet.empty")),
          // A colour that nobody can tell from the last is no reason to draw again.
          share: face.share === null ? null : Math.round(face.share * 100) / 100,
          hatched: face.hatched,
          empty: face.empty,
          mark: face.abnormal ? "!" : "",
        };
        const { slot, row, column, open } = face;
        return { slot, row, column, open, paint: picture };
      }),
    [faces, by, t],
  );
  return (
    <>
      <Crumbs
        above={[
          { to: "/", name: t("common:nav.network") },
          { to: stationPath, name: summary?.name ?? id },
        ]}
        name={title}
      />
      <div className="head">
        <h1>
          {title} <small>{summary?.name ?? id}</small>
        </h1>
        <fieldset className="windows">
          <legend>{t("cabinet.colourBy")}</legend>
          {CHOICES.map((choice) => (
            <label key={choice}>
              <input
                type="radio"
                name="by"
                value={choice}
                checked={choice === by}
                onChange={() => setParameter("by", choice)}
              />
              {t(`cabinet.${choice}`)}
            </label>
          ))}
        </fieldset>
      </div>
      {slots.length === 0 ? (
        <section className="panel message">
          <p>{refusal === undefined ? t("common:waiting") : t("noStation", { station: id })}</p>
        </section>
      ) : (
        <div className="cabinetview">
          <section className="panel" aria-label={title}>
            <CabinetStage
              fronts={fronts}
              rows={layout.rows}
              columns={layout.columns}
              pointed={pointed}
              choose={choose}
            />
            <Shades by={by} />
          </section>
          <section className="panel" aria-labelledby="slots">
            <header>
              <h2 id="slots">{t("cabinet.list")}</h2>
              <CsvButton
                name={`${id}-cabinet`}
                what={t("cabinet.list")}
                columns={[
                  "time",
                  "slot",
                  "charger_state",
                  "soc",
                  "temperature_c",
                  "twin_soc",
                  "twin_temperature_c",
                  "pack_id",
                  "quality",
                ].map((name) => ({ name, time: name === "time" }))}
                rows={() =>
                  slots.map((slot) => [
                    slot.data_time,
                    slot.slot,
                    slot.charger_state,
                    slot.soc,
                    slot.temperature_c,
                    slot.twin?.soc,
                    slot.twin?.temperature_c,
                    slot.pack_id,
                    slot.quality,
                  ])
                }
              />
            </header>
            <ol className="slotlist">
              {slots.map((slot) => {
                const face = faces.find((candidate) => candidate.slot === slot.slot);
                return (
                  <li key={slot.slot}>
                    <a
                      href={`${stationPath}/slot/${slot.slot}`}
                      onClick={(event) => {
                        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
                        event.preventDefault();
                        choose(slot.slot);
                      }}
                      onFocus={() => setPointed(slot.slot)}
                      onBlur={() => setPointed(null)}
                      onMouseEnter={() => setPointed(slot.slot)}
                      onMouseLeave={() => setPointed(null)}
                    >
                      <Swatch face={face} />
                      <b>{slot.slot}</b>
                      <span>{face === undefined ? UNKNOWN : wordsOf(slot, face)}</span>
                      <span className="number">{face === undefined ? UNKNOWN : text(face)}</span>
                    </a>
                  </li>
                );
              })}
            </ol>
          </section>
        </div>
      )}
    </>
  );

  function wordsOf(slot: Slot, face: Face): string {
    const parts = [
      slot.charger_state === null ? null : t(`charger.${slot.charger_state}`),
      face.open ? t("cabinet.doorOpen") : null,
      face.estimated ? t("cabinet.estimated") : face.hatched ? t("cabinet.notGood") : null,
      face.abnormal && by === "temperature" && slot.charger_state !== "fault" ? t("cabinet.hot") : null,
    ];
    return parts.filter((part) => part !== null).join(", ");
  }
}

function valueText(face: Face, by: By, empty: string): string {
  if (face.empty) return empty;
  if (face.value === null) return UNKNOWN;
  const written = by === "soc" ? percent(face.value) : fixed(face.value, 1, "°C");
  return face.estimated ? `≈ ${written}` : written;
}

function Swatch({ face }: { face: Face | undefined }) {
  const share = face?.share;
  const style =
    share == null
      ? {}
      : { backgroundColor: `color-mix(in srgb, var(--estimate) ${Math.round(share * 100)}%, var(--surface))` };
  return (
    <i
      aria-hidden="true"
      className={`${face?.hatched ? "hatched" : ""}${share == null ? " nothing" : ""}`}
      style={style}
    />
  );
}

function Shades({ by }: { by: By }) {
  const [low, high] = RUNS[by];
  const written = (value: number) => (by === "soc" ? percent(value) : fixed(value, 0, "°C"));
  return (
    <p className="shades">
      {written(low)}
      <i aria-hidden="true" style={{ background: "linear-gradient(to right, var(--surface), var(--estimate))" }} />
      {written(high)}
    </p>
  );
}
