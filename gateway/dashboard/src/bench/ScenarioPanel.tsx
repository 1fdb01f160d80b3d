import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refreshHealth } from "../state/live";
import { Refusal } from "./Refusal";
import { useOrder } from "./useOrder";
import { usePolled } from "./usePolled";

interface Emulator {
  speed: number;
  speeds: readonly number[];
  scenarios: readonly { name: string; title: string }[];
  running: Run | null;
  /** The one that runs, else the one that ran last. */
  latest: Run | null;
}

interface Run {
  name: string;
  title: string;
  stopped: boolean;
  /** Null while it runs, and where it was stopped. */
  passed: boolean | null;
  lines: readonly string[];
}

const ADDRESS = "/api/v1/emulator";
const EVERY_MS = 3000;

/** Scenarios that run faults on a timeline, and how fast the emulated world's time goes. */
export function ScenarioPanel({ again: faultsAgain }: { again(): void }) {
  const { t } = useTranslation("bench");
  const { value: emulator, failure, again } = usePolled<Emulator>(ADDRESS, EVERY_MS);
  const { sending, refusal, give } = useOrder();
  const [picked, pick] = useState<string>();
  const chosen = emulator?.scenarios.find(({ name }) => name === picked) ?? emulator?.scenarios[0];
  const order = (method: "POST" | "DELETE", path: string, body?: object) =>
    void give(method, `${ADDRESS}/${path}`, body).then(() => {
      again();
      faultsAgain();
      refreshHealth();
    });
  return (
    <section className="panel scenario">
      <header>
        <h2>{t("scenario.title")}</h2>
      </header>
      {failure !== null && <p role="alert">{t("unreachable", { message: failure })}</p>}
      {emulator !== undefined && (
        <>
          <div className="fields">
            <label>
              {t("scenario.name")}
              <select
                value={chosen?.name}
                onChange={(event) => pick(event.target.value)}
                disabled={emulator.scenarios.length === 0 || emulator.running !== null}
              >
                {emulator.scenarios.map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
            {emulator.running === null ? (
              <button
                type="button"
                className="button"
                disabled={sending || emulator.scenarios.length === 0}
                onClick={() => order("POST", "scenarios", { name: chosen?.name })}
              >
                {t("scenario.start")}
              </button>
            ) : (
              <button type="button" className="button" disabled={sending} onClick={() => order("DELETE", "scenarios")}>
                {t("scenario.stop")}
              </button>
            )}
          </div>
          {emulator.running === null && chosen?.title && <p className="about">{chosen.title}</p>}
          <p className="note" aria-live="polite">
            {emulator.scenarios.length === 0
              ? t("scenario.none")
              : emulator.running === null
                ? t("scenario.idle")
                : t("scenario.runs", { name: emulator.running.title || emulator.running.name })}
          </p>
          {emulator.latest != null && <Report run={emulator.latest} runs={emulator.running !== null} />}
          <fieldset className="speeds">
            <legend>{t("scenario.speed")}</legend>
            {emulator.speeds.map((speed) => (
              <label key={speed}>
                <input
                  type="radio"
                  name="speed"
                  checked={speed === emulator.speed}
                  disabled={sending}
                  onChange={() => order("POST", "speed", { speed })}
                />
                × {speed}
              </label>
            ))}
          </fieldset>
        </>
      )}
      <Refusal refusal={refusal} />
    </section>
  );
}

/** What a scenario has done so far, and whether the gateway did what was expected of it. */
function Report({ run, runs }: { run: Run; runs: boolean }) {
  const { t } = useTranslation("bench");
  const verdict = run.passed === null ? (run.stopped ? "stopped" : null) : run.passed ? "passed" : "failed";
  return (
    <details open={runs}>
      <summary>
        {t("scenario.report", { name: run.title || run.name })}
        {verdict !== null && <strong> {t(`scenario.${verdict}`)}</strong>}
      </summary>
      <pre className="report" tabIndex={0}>
        {run.lines.join("\n")}
      </pre>
    </details>
  );
}
