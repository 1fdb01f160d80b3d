import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { chosen, nextOrder, sorted, stands, waits, type Alarm, type Order } from "../state/alarms";
import { give } from "../state/alarmOrders";
import { setParameter, useParameter } from "../state/route";
import { CsvButton } from "../ui/CsvButton";
import { useKeys } from "../ui/keys";
import { ActiveTable } from "./ActiveTable";
import { AlarmDetails } from "./AlarmDetails";
import { EVERYTHING, FilterBar } from "./FilterBar";
import { OrderForm, type Asked } from "./OrderForms";
import { useAlarmTitle } from "./text";

/** As many rows are drawn unless all are asked for: a flood must not make the page slow. */
const FIRST = 200;
const COLUMNS = ["priority", "state", "station", "alarm", "since", "returned_at", "acked_at", "acked_by", "id"];
const TIMES = ["since", "returned_at", "acked_at"];

export function ActiveTab({ alarms }: { alarms: Alarm[] }) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  const title = useAlarmTitle();
  const [choice, choose] = useState(EVERYTHING);
  const [order, setOrder] = useState<Order | null>(null);
  const [all, showAll] = useState(false);
  const [asked, ask] = useState<Asked | null>(null);
  const opened = useParameter("alarm");
  const [cursor, point] = useState<string | null>(opened);
  const table = useRef<HTMLTableElement>(null);

  const standing = useMemo(() => alarms.filter(stands), [alarms]);
  const fitting = useMemo(() => {
    const words = (alarm: Alarm) => `${alarm.station ?? ""} ${title(alarm)} ${alarm.id}`;
    return sorted(chosen(standing, choice, words), order, title);
  }, [standing, choice, order, title]);
  const shown = all ? fitting : fitting.slice(0, FIRST);
  const waiting = shown.filter(waits);
  const stations = useMemo(
    () => [...new Set(standing.flatMap((alarm) => alarm.station ?? []))].sort(),
    [standing],
  );
  const current = shown.find((alarm) => alarm.id === cursor);
  const place = useRef(0);
  if (current !== undefined) place.current = shown.indexOf(current);

  const focus = (id: string | null) => {
    const button = id === null ? null : table.current?.querySelector<HTMLElement>(`[data-alarm="${CSS.escape(id)}"] button`);
    button?.focus();
  };
  const move = (step: number) => {
    // Where the alarm has gone, the one that took its place is the next.
    const from = current === undefined ? (cursor === null && step > 0 ? -1 : place.current - Number(step > 0)) : place.current;
    const next = shown[Math.min(Math.max(from + step, 0), shown.length - 1)];
    if (next === undefined) return;
    point(next.id);
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
  // A row that moves in the list takes its focus along.
  const focused = useRef(false);
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
            {t("alarms:act.acknowledgeAll", { count: waiting.length })}
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
            ref={table}
            alarms={shown}
            order={order}
            cursor={current?.id ?? null}
            point={point}
            open={open}
            sort={(column) => setOrder(nextOrder(order, column))}
          />
        </div>
        {shown.length === 0 && <p className="empty">{t(standing.length === 0 ? "none" : "noneChosen")}</p>}
        {shown.length < fitting.length && (
          <p className="note">
            {t("more", { shown: shown.length, count: fitting.length })}{" "}
            <button type="button" className="plain" onClick={() => showAll(true)}>
              {t("showAll")}
            </button>
          </p>
        )}
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
              {t("alarms:act.close")}
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
