import { useMemo } from "react";
import type { Alarm } from "../state/alarms";
import { useLive } from "../state/live";

/** All alarms that are not normal; undefined before the first snapshot. The alarm bar follows the topic for everyone. */
export function useAlarms(): Alarm[] | undefined {
  const keyed = useLive((live) => live.topics["alarms"]);
  return useMemo(
    () =>
      keyed && Object.entries(keyed).map(([id, fields]) => ({ ...(fields as unknown as Omit<Alarm, "id">), id }) as Alarm),
    [keyed],
  );
}
