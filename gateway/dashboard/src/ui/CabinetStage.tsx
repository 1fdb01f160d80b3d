import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useTheme } from "../state/theme";
import type { Cabinet3d, Front } from "./cabinet3d";
import { CabinetFlat } from "./CabinetFlat";
import { lookOf, type Look } from "./look";

interface Props {
  fronts: readonly Front[];
  rows: number;
  columns: number;
  pointed: number | null;
  choose(slot: number): void;
}

/** The cabinet, in 3D where the browser can; what draws it is loaded with this page only. */
export function CabinetStage({ fronts, rows, columns, pointed, choose }: Props) {
  const { t } = useTranslation("slot");
  const host = useRef<HTMLDivElement>(null);
  const [body, setBody] = useState<Cabinet3d | null>(null);
  const [flat, setFlat] = useState(false);
  const [look, setLook] = useState<Look | null>(null);
  const theme = useTheme();
  const chosen = useRef(choose);
  chosen.current = choose;

  useEffect(() => {
    if (host.current !== null) setLook(lookOf(host.current));
  }, [theme]);

  useEffect(() => {
    let made: Cabinet3d | null = null;
    let left = false;
    import("./cabinet3d").then(
      ({ Cabinet3d }) => {
        if (left || host.current === null) return;
        try {
          made = new Cabinet3d(
            host.current,
            (slot) => chosen.current(slot),
            () => setFlat(true),
          );
          setBody(made);
        } catch (error) {
          console.warn("no 3D here:", error);
          setFlat(true);
        }
      },
      (error: unknown) => {
        console.warn("no 3D here:", error);
        setFlat(true);
      },
    );
    return () => {
      left = true;
      made?.dispose();
      setBody(null);
    };
  }, []);

  useEffect(() => {
    if (flat) body?.dispose();
  }, [flat, body]);
  useEffect(() => {
    if (look !== null && !flat) body?.show(fronts, rows, columns, look);
  }, [body, fronts, rows, columns, look, flat]);
  useEffect(() => {
    if (!flat) body?.point(pointed);
  }, [body, pointed, flat]);

  return (
    <>
      <div className="stage" ref={host} role="img" aria-label={t("cabinet.picture")}>
        {flat && look !== null && <CabinetFlat {...{ fronts, rows, columns, look, pointed, choose }} />}
      </div>
      <div className="stagenote">
        <small>{flat ? t("cabinet.flat") : t("cabinet.hint")}</small>
        {!flat && (
          <button type="button" className="button quiet" onClick={() => body?.fromTheFront()}>
            {t("cabinet.front")}
          </button>
        )}
      </div>
    </>
  );
}
