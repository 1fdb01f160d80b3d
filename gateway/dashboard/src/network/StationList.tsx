import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { roughly } from "../i18n/format";
import { go } from "../state/route";
import { HORIZONS, type Station } from "../state/types";
import { useKeys } from "../ui/keys";
import { useWindowRows } from "../ui/useWindowRows";
import type { CalmOrder } from "./useCalmOrder";
import { StationRow } from "./StationRow";

const COLUMNS = 7 + HORIZONS.length;

interface Props {
  /** Those that are searched for, in the order to show. */
  stations: readonly Station[];
  order: CalmOrder;
}

/** The stations as a table of which only the rows in sight are drawn; j and k walk through it. */
export function StationList({ stations, order }: Props) {
  const { t } = useTranslation("network");
  const body = useRef<HTMLTableSectionElement>(null);
  const rows = useWindowRows(stations.length, body);
  const [chosen, setChosen] = useState<string>();
  const wanted = useRef<string>(undefined);
  const link = (id: string) => body.current?.querySelector<HTMLElement>(`[data-station="${CSS.escape(id)}"] a`);

  const walk = (step: number) => {
    order.touch();
    const at = stations.findIndex((station) => station.id === chosen);
    const next = stations[at < 0 ? 0 : Math.max(0, Math.min(stations.length - 1, at + step))];
    if (next === undefined || body.current === null) return;
    wanted.current = next.id;
    setChosen(next.id);
    const top = body.current.getBoundingClientRect().top + stations.indexOf(next) * rows.height;
    if (top < 0 || top + rows.height > innerHeight) window.scrollBy(0, top - innerHeight / 2);
  };
  useKeys({
    j: { does: t("keys.next"), run: () => walk(1) },
    k: { does: t("keys.previous"), run: () => walk(-1) },
    Enter: { does: t("keys.open"), run: () => chosen !== undefined && go(`/station/${encodeURIComponent(chosen)}`) },
  });
  // The row that was walked to may be drawn only after scrolling.
  useEffect(() => {
    if (wanted.current === undefined) return;
    const found = link(wanted.current);
    if (!found) return;
    wanted.current = undefined;
    found.focus({ preventScroll: true });
  });
  useFocusKept(body);

  return (
    <table className="stations" role="table" aria-rowcount={stations.length + 1} onPointerMove={order.touch} onFocus={order.touch}>
      <caption className="said">{t("caption")}</caption>
      <thead role="rowgroup">
        <tr role="row" aria-rowindex={1}>
          <th role="columnheader" scope="col">{t("station")}</th>
          <th role="columnheader" scope="col" className="right">{t("ready")}</th>
          <th role="columnheader" scope="col" className="right">{t("charging")}</th>
          <th role="columnheader" scope="col" className="right">{t("faulted")}</th>
          {HORIZONS.map((horizon) => (
            <th key={horizon} role="columnheader" scope="col" className="right">
              {t("stockoutIn")} <span className="number">{roughly(Number(horizon))}</span>
            </th>
          ))}
          <th role="columnheader" scope="col" className="right">{t("powerLimit")}</th>
          <th role="columnheader" scope="col" className="right">{t("age")}</th>
          <th role="columnheader" scope="col">{t("data")}</th>
        </tr>
      </thead>
      <tbody role="rowgroup" ref={body}>
        <Gap height={rows.first * rows.height} />
        {stations.slice(rows.first, rows.end).map((station, i) => (
          <StationRow key={station.id} station={station} index={rows.first + i} />
        ))}
        <Gap height={(stations.length - rows.end) * rows.height} />
      </tbody>
    </table>
  );
}

function Gap({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr className="gap" aria-hidden="true">
      <td colSpan={COLUMNS} style={{ height }} />
    </tr>
  );
}

/** A row that moves in the page loses the focus: give it back. */
function useFocusKept(body: React.RefObject<HTMLElement | null>): void {
  const focused = useRef<Element>(null);
  useEffect(() => {
    const note = () => {
      focused.current = document.activeElement;
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }, []);
  useLayoutEffect(() => {
    const last = focused.current;
    if (document.activeElement !== document.body || !(last instanceof HTMLElement)) return;
    if (body.current?.contains(last)) last.focus({ preventScroll: true });
  });
}
