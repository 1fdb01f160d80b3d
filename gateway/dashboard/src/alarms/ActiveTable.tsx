import { memo, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { waits, type Alarm, type Column, type Order } from "../state/alarms";
import { useZone } from "../state/zone";
import { moment, UNKNOWN } from "../i18n/format";
import { PriorityMark } from "../ui/PriorityMark";
import type { WindowRows } from "../ui/useWindowRows";
import { Age } from "../ui/Value";
import { useAlarmTitle } from "./text";

const COLUMNS: readonly Column[] = ["priority", "state", "station", "text", "since"];

interface Props {
  body: RefObject<HTMLTableSectionElement | null>;
  alarms: readonly Alarm[];
  /** Which of them are drawn: a flood must not make the page slow. */
  rows: WindowRows;
  order: Order | null;
  /** The alarm that keys act on. */
  cursor: string | null;
  point(id: string): void;
  open(id: string): void;
  sort(column: Column): void;
}

export function ActiveTable({ body, alarms, rows, order, cursor, point, open, sort }: Props) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  return (
    <table className="alarms active" role="table" aria-rowcount={alarms.length + 1}>
      <caption>
        {order === null ? t("caption") : t("captionSorted", { column: t(`column.${order.column}`) })}
      </caption>
      <thead role="rowgroup">
        <tr role="row" aria-rowindex={1}>
          {COLUMNS.map((column) => {
            const name = t(`column.${column}`);
            const mine = order?.column === column;
            return (
              <th
                key={column}
                role="columnheader"
                scope="col"
                className={column}
                aria-sort={mine ? (order.descending ? "descending" : "ascending") : "none"}
              >
                <button type="button" className="plain" title={t("sort", { column: name })} onClick={() => sort(column)}>
                  {name}
                  <span aria-hidden="true">{mine ? (order.descending ? " ▼" : " ▲") : ""}</span>
                </button>
              </th>
            );
          })}
          <th role="columnheader" scope="col" className="age right">
            {t("column.age")}
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup" ref={body}>
        <Gap height={rows.first * rows.height} />
        {alarms.slice(rows.first, rows.end).map((alarm, i) => (
          <Row
            key={alarm.id}
            alarm={alarm}
            index={rows.first + i}
            here={alarm.id === cursor}
            point={point}
            open={open}
          />
        ))}
        <Gap height={(alarms.length - rows.end) * rows.height} />
      </tbody>
    </table>
  );
}

function Gap({ height }: { height: number }) {
  return height <= 0 ? null : <tr className="gap" aria-hidden="true" style={{ height }} />;
}

/** One alarm of the list; `index` counts from 0 over all of them, drawn or not. */
const Row = memo(function Row({ alarm, index, here, point, open }: {
  alarm: Alarm;
  index: number;
  here: boolean;
  point(id: string): void;
  open(id: string): void;
}) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  const title = useAlarmTitle();
  const { zone } = useZone();
  return (
    <tr
      role="row"
      aria-rowindex={index + 2}
      data-row=""
      data-alarm={alarm.id}
      data-state={alarm.state}
      className={here ? "here" : ""}
      onClick={() => open(alarm.id)}
    >
      <td role="cell" className="priority">
        <PriorityMark
          priority={alarm.priority}
          blink={alarm.state === "unacknowledged" && alarm.active}
          quiet={!alarm.active}
        />
      </td>
      <td role="cell" className={`state${waits(alarm) ? " waits" : ""}`}>
        {t(`alarms:state.${alarm.state}`)}
      </td>
      <td role="cell" className="station">
        {alarm.station ?? UNKNOWN}
      </td>
      <th role="rowheader" scope="row" className="text">
        <button type="button" className="plain" onFocus={() => point(alarm.id)} onClick={() => open(alarm.id)}>
          {title(alarm)}
        </button>
      </th>
      <td role="cell" className="since">
        {alarm.since === null ? UNKNOWN : moment(alarm.since, zone)}
      </td>
      <td role="cell" className="age right">
        <Age time={alarm.since} />
      </td>
    </tr>
  );
}, (before, after) => before.alarm === after.alarm && before.here === after.here && before.index === after.index);
