import "./bench.css";
import { useTranslation } from "react-i18next";
import { Acting } from "../bench/Acting";
import type { Faults } from "../bench/fault";
import { FaultBench } from "../bench/FaultBench";
import { ScenarioPanel } from "../bench/ScenarioPanel";
import { TruthPanel } from "../bench/TruthPanel";
import { usePolled } from "../bench/usePolled";
import { bundled } from "../i18n";
import english from "../i18n/en/bench.json";
import { useLive } from "../state/live";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { Crumbs } from "../ui/Crumbs";

bundled("bench", english);

const EVERY_MS = 3000;

export default function Bench() {
  const { t } = useTranslation("bench");
  const { t: common } = useTranslation();
  const health = useLive((live) => live.health);
  useTitle(t("title"), health?.name);
  return (
    <>
      <Crumbs above={[{ to: "/", name: common("nav.network") }]} name={t("title")} />
      <div className="head">
        <h1>{t("title")}</h1>
        {health?.emulated && <p className="benchnote">{t("explain")}</p>}
      </div>
      {health === null ? (
        <section className="panel">
          <p className="empty">{common("waiting")}</p>
        </section>
      ) : health.emulated ? (
        <Emulated />
      ) : (
        <section className="panel message">
          <p>{t("notEmulated")}</p>
        </section>
      )}
    </>
  );
}

function Emulated() {
  const { t } = useTranslation("bench");
  useTopics("stations", "devices");
  const { value: faults, failure, again } = usePolled<Faults>("/api/v1/faults", EVERY_MS);
  return (
    <div className="bench">
      {failure !== null && (
        <p role="alert" className="panel wide">
          {t("unreachable", { message: failure })}
        </p>
      )}
      <FaultBench catalogue={faults?.catalogue ?? []} again={again} />
      <div className="side">
        <Acting faults={faults} again={again} />
        <ScenarioPanel again={again} />
      </div>
      <TruthPanel />
    </div>
  );
}
