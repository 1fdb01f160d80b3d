import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Alarm } from "../state/alarms";
import { give } from "../state/alarmOrders";
import { span } from "../i18n/format";
import { Dialog } from "./OrderDialogs";
import { useAlarmTitle } from "./text";

const DURATIONS_S = [900, 3600, 14_400, 28_800, 86_400];
const USUAL_S = 3600;

export type Asked = { kind: "shelve" | "out_of_service"; alarm: Alarm };

/** Asks for what shelving or taking out of service needs besides the alarm: a reason, and for how long. */
export function OrderForm({ asked, leave }: { asked: Asked; leave(): void }) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  const title = useAlarmTitle();
  const [duration_s, setDuration] = useState(USUAL_S);
  const [reason, setReason] = useState("");
  const { alarm, kind } = asked;
  const words = kind === "shelve" ? "shelve" : "outOfService";
  const submit = () => {
    const given = reason.trim();
    if (given === "") return;
    leave();
    give(
      kind === "shelve"
        ? { kind, id: alarm.id, duration_s, reason: given }
        : { kind, id: alarm.id, reason: given },
    );
  };
  return (
    <Dialog title={t(`${words}.title`)} leave={leave} submit={submit}>
      <p>
        <b>
          {alarm.station} {title(alarm)}
        </b>
      </p>
      <p>{t(`${words}.explain`)}</p>
      {kind === "shelve" && (
        <fieldset className="durations">
          <legend>{t("shelve.duration")}</legend>
          {DURATIONS_S.map((seconds) => (
            <label key={seconds}>
              <input
                type="radio"
                name="duration"
                value={seconds}
                checked={seconds === duration_s}
                onChange={() => setDuration(seconds)}
              />
              {span(seconds).replace(/ 00? \S+$/, "")}
            </label>
          ))}
        </fieldset>
      )}
      <label>
        {t("shelve.reason")}
        <input
          name="reason"
          value={reason}
          placeholder={t("shelve.reasonHint")}
          maxLength={300}
          required
          data-first
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      <div className="actions">
        <button type="button" className="button" onClick={leave}>
          {t("alarms:act.cancel")}
        </button>
        <button type="submit" className="button main">
          {t(`${words}.do`)}
        </button>
      </div>
    </Dialog>
  );
}
