/** The alarms that want an answer, on every page; nothing while no alarm is told of. */
export function AlarmBar() {
  return null;
}
