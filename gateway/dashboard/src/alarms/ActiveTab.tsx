import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { chosen, nextOrder, sorted, stands, waits, type Alarm, type Order } from "../state/alarms";
import { give } from "../state/alarmOrders";
import { setParameter, useParameter } from "../state/route";
import { CsvButton } from "../ui/CsvButton";
import { useKeys } from "../ui/keys";
import { useWindowRows } from "../ui/useWindowRows";
import { ActiveTable } from "./ActiveTable";
import { AlarmDetails } from "./AlarmDetails";
import { EVERYTHING, FilterBar } from "./FilterBar";
import { OrderForm, type Asked } from "./OrderForms";
import { useAlarmTitle } from "./text";

const COLUMNS = ["priority", "state", "station", "alarm", "since", "returned_at", "acked_at", "acked_by", "id"];
const TIMES = ["since", "returned_at", "acked_at"];

export function ActiveTab({ alarms }: { alarms: Alarm[] }) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  const title = useAlarmTitle();
  const [choice, choose] = useState(EVERYTHING);
  const [order, setOrder] = useState<Order | null>(null);
  const [asked, ask] = useState<Asked | null>(null);
  const opened = useParameter("alarm");
  const [cursor, point] = useState<string | null>(opened);
  const body = useRef<HTMLTableSectionElement>(null);

  const standing = useMemo(() => alarms.filter(stands), [alarms]);
  const fitting = useMemo(() => {
    const words = (alarm: Alarm) => `${alarm.station ?? ""} ${title(alarm)} ${alarm.id}`;
    return sorted(chosen(standing, choice, words), order, title);
  }, [standing, choice, order, title]);
  const waiting = fitting.filter(waits);
  const stations = useMemo(
    () => [...new Set(standing.flatMap((alarm) => alarm.station ?? []))].sort(),
    [standing],
  );
  const current = fitting.find((alarm) => alarm.id === cursor);
  const place = useRef(0);
  const focused = useRef(false);
  if (current !== undefined) place.current = fitting.indexOf(current);

  const rows = useWindowRows(fitting.length, body);
  const focus = (id: string | null) => {
    const button = id === null ? null : body.current?.querySelector<HTMLElement>(`[data-alarm="${CSS.escape(id)}"] button`);
    button?.focus({ preventScroll: true });
  };
  const move = (step: number) => {
    // Where the alarm has gone, the one that took its place is the next.
    const from = current === undefined ? (cursor === null && step > 0 ? -1 : place.current - Number(step > 0)) : place.current;
    const to = Math.min(Math.max(from + step, 0), fitting.length - 1);
    const next = fitting[to];
    if (next === undefined) return;
    point(next.id);
    focused.current = true;
    const top = (body.current?.getBoundingClientRect().top ?? 0) + to * rows.height;
    if (top < 0 || top + rows.height > innerHeight) window.scrollBy(0, top - innerHeight / 2);
    focus(next.id);
    if (opened !== null) setParameter("alarm", next.id);
  };
  const open = (id: string) => {
    point(id);
    setParameter("alarm", id);
  };
  const close = () => {
    setParameter("alarm", "");
    focus(cursor);
  };
  // A row that moves in the list, or comes into sight again, takes its focus along.
  useEffect(() => {
    if (focused.current && document.activeElement === document.body && current !== undefined) focus(current.id);
  });
  useEffect(() => {
    if (opened !== null) point(opened);
  }, [opened]);

  useKeys({
    j: { does: t("key.next"), run: () => move(1) },
    k: { does: t("key.previous"), run: () => move(-1) },
    Enter: { does: t("key.open"), run: () => current !== undefined && open(current.id) },
    a: {
      does: t("key.acknowledge"),
      run: () => current !== undefined && waits(current) && give({ kind: "acknowledge", ids: [current.id] }),
    },
    s: { does: t("key.shelve"), run: () => current !== undefined && ask({ kind: "shelve", alarm: current }) },
    "/": { does: t("key.search"), run: () => document.querySelector<HTMLElement>("[data-search]")?.focus() },
    ...(opened !== null && { Escape: { does: t("key.close"), run: close } }),
  });

  const openedAlarm = opened === null ? undefined : alarms.find((alarm) => alarm.id === opened);
  return (
    <div className="alarmsplit" data-open={opened !== null}>
      <section className="panel list">
        <FilterBar choice={choice} stations={stations} choose={choose} />
        <div className="listactions">
          <button
            type="button"
            className="button"
            disabled={waiting.length === 0}
            onClick={() => give({ kind: "acknowledge", ids: waiting.map((alarm) => alarm.id) })}
          >
            {t("act.acknowledgeAll", { count: waiting.length })}
          </button>
          <CsvButton
            name="alarms"
            what={t("tab.active")}
            columns={COLUMNS.map((name) => ({ name, time: TIMES.includes(name) }))}
            rows={() =>
              fitting.map((alarm) => [
                alarm.priority,
                alarm.state,
                alarm.station,
                title(alarm),
                alarm.since,
                alarm.returned_at,
                alarm.acked_at,
                alarm.acked_by,
                alarm.id,
              ])
            }
          />
        </div>
        <div
          onFocus={() => (focused.current = true)}
          onBlur={(event) => {
            // A row that is moved loses its focus to nothing; who leaves the list goes somewhere.
            if (event.relatedTarget !== null) focused.current = false;
          }}
        >
          <ActiveTable
            body={body}
            alarms={fitting}
            rows={rows}
            order={order}
            cursor={current?.id ?? null}
            point={point}
            open={open}
            sort={(column) => setOrder(nextOrder(order, column))}
          />
        </div>
        {fitting.length === 0 && <p className="empty">{t(standing.length === 0 ? "none" : "noneChosen")}</p>}
      </section>
      {opened === null ? (
        <section className="panel alarmdetails nothing">
          <p className="empty">{t("details.choose")}</p>
        </section>
      ) : openedAlarm === undefined ? (
        <section className="panel alarmdetails" aria-label={t("details.label")}>
          <p>{t("details.gone")}</p>
          <div className="actions">
            <button type="button" className="button" onClick={close}>
              {t("act.close")}
            </button>
          </div>
        </section>
      ) : (
        <AlarmDetails alarm={openedAlarm} ask={ask} close={close} />
      )}
      {asked !== null && (
        <OrderForm
          asked={asked}
          leave={() => {
            ask(null);
            focus(cursor);
          }}
        />
      )}
    </div>
  );
}
