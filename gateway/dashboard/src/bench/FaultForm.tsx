import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useLive } from "../state/live";
import { entryOf, orderOf, type Acting, type FaultKind, type Parameter } from "./fault";
import { useSummary } from "./FaultBench";
import { Refusal } from "./Refusal";
import { useOrder } from "./useOrder";

/** One fault: whom it strikes, how long, how surely, and its own parameters. What is left empty the fault chooses. */
export function FaultForm({ kind, again }: { kind: FaultKind; again(): void }) {
  const { t } = useTranslation("bench");
  const summary = useSummary();
  const { sending, refusal, give } = useOrder();
  const [done, setDone] = useState<string | null>(null);
  const targets = useTargets(kind);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value)] as const);
    setDone(null);
    void give<Acting>("POST", "/api/v1/faults", orderOf(kind, new Map(entries))).then((made) => {
      if (made !== undefined) setDone(made.id);
      again();
    });
  };
  const effects = [...new Set(Object.values(kind.effects))];
  return (
    <form className="faultform" onSubmit={submit}>
      <h3>{kind.fault.replaceAll("_", " ")}</h3>
      <p>
        {summary(kind)} {kind.instant && t("form.instant")}
      </p>
      <details>
        <summary>{t("faults.seen")}</summary>
        <ul>
          {effects.map((effect) => (
            <li key={effect}>{effect}</li>
          ))}
        </ul>
      </details>
      <div className="fields">
        <label>
          {t("form.target")}
          <select name="target" disabled={targets.devices.length === 0}>
            {targets.stations.map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
            {targets.devices.map((id) => (
              <option key={id}>{id}</option>
            ))}
            <option value="*">{t("form.everything")}</option>
          </select>
        </label>
        <label>
          {t("form.slots")}
          <input name="slots" placeholder={t("form.slotsHint")} pattern="[0-9,\- ]*" />
        </label>
        {kind.signals.length > 0 && (
          <label>
            {t("form.signals")}
            <input name="signals" placeholder={kind.signals.join(", ")} />
          </label>
        )}
        <label>
          {t("form.start")} ({t("form.seconds")})
          <input name="start_s" type="number" min={0} step="any" placeholder="0" />
        </label>
        {!kind.instant && (
          <label>
            {t("form.duration")} ({t("form.seconds")})
            <input name="duration_s" type="number" min={0.1} step="any" placeholder={t("form.durationHint")} />
          </label>
        )}
        <label>
          {t("form.probability")} (%)
          <input name="probability" type="number" min={0.1} max={100} step="any" placeholder="100" />
        </label>
        {Object.entries(kind.parameters).map(([name, parameter]) => (
          <ParameterField key={name} name={name} parameter={parameter} />
        ))}
      </div>
      {targets.devices.length === 0 && <p className="note">{t("form.noTarget")}</p>}
      <div className="actions">
        <span aria-live="polite">{sending ? t("sending") : done !== null ? t("form.done", { id: done }) : ""}</span>
        <button type="submit" className="button main" disabled={sending || targets.devices.length === 0}>
          {t("form.inject")}
        </button>
      </div>
      <Refusal refusal={refusal} />
    </form>
  );
}

/** The stations and devices that can have a fault. */
function useTargets(kind: FaultKind): { stations: string[]; devices: string[] } {
  const keyed = useLive((live) => live.topics["devices"]);
  const devices = Object.entries(keyed ?? {})
    .filter(([, device]) => kind.layer === "station" || String(device["protocol"]) in kind.effects)
    .map(([id, device]) => ({ id, station: String(device["station"]) }));
  const stations = [...new Set(devices.map((device) => device.station))].sort();
  return { stations, devices: devices.map((device) => device.id).sort() };
}

function ParameterField({ name, parameter }: { name: string; parameter: Parameter }) {
  const { t } = useTranslation("bench");
  const entry = entryOf(parameter);
  const least = parameter.minimum ?? parameter.exclusiveMinimum;
  const most = parameter.maximum ?? parameter.exclusiveMaximum;
  const usual = parameter.default ?? null;
  const hints = [
    parameter.description,
    least === undefined ? null : t("form.least", { value: least }),
    most === undefined ? null : t("form.most", { value: most }),
  ].filter(Boolean);
  const field = `parameter.${name}`;
  return (
    <label>
      <code>{name}</code>
      {entry === "choice" ? (
        <select name={field} defaultValue={String(usual ?? "")}>
          {parameter.enum?.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      ) : (
        <input
          name={field}
          type={entry === "text" ? "text" : "number"}
          required={parameter.required}
          {...(entry !== "text" && { step: entry === "integer" ? 1 : "any", min: least, max: most })}
          placeholder={usual === null ? (parameter.required ? "" : t("form.optional")) : String(usual)}
        />
      )}
      {hints.length > 0 && <small>{hints.join("; ")}</small>}
    </label>
  );
}
