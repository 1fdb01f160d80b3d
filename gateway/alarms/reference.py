"""The catalogue of alarms as a page: ``python -m gateway.alarms.reference > docs/alarms.md``."""

# ruff: noqa: E501 - rows of a table are lines

import sys

from config.alarm_catalogue import CATALOGUE, Condition
from gateway.alarms.design import suppressing

HEAD = """\
# Alarms

An alarm is something that an operator can and must act on; what nobody can act on is shown, but is no alarm. The states
are those of ISA-18.2. This page is made from the catalogue itself (`python -m gateway.alarms.reference`); texts of the
web app are translations of it.

## States

| state | meaning | leaves it by |
| --- | --- | --- |
| normal | nothing to be seen; not listed | the condition holds for its on-delay |
| `unacknowledged` | the condition holds, and nobody has said that they saw it | acknowledge; the condition is gone for its off-delay |
| `acknowledged` | it holds, and somebody saw it | the condition is gone: back to normal |
| `returned` | it is gone, and nobody saw it | acknowledge: normal; it holds again: `unacknowledged` |
| `shelved` | hidden by an operator, for at most 24 h, with a reason | its time is over, or it is taken back: `unacknowledged` if it still holds |
| `suppressed` | hidden by design, while another alarm explains it | the other alarm is gone |
| `out_of_service` | hidden for maintenance, with a reason, without a limit of time | it is put in service: `unacknowledged` if it holds |

An alarm that comes again must be acknowledged again. What is not known changes nothing: while a device is away its alarms
stand as they were, suppressed by `device_away`, a value that is bad neither raises an alarm of its limit nor ends one, and
a delay that runs stands still meanwhile.
Alarms of the group *safety* are not hidden by a device that goes away: a fire may take the network with it.

**Delays** are seconds for which the condition must hold, or be gone, without interruption: of site time, but of wall time for
devices and the gateway, whose cables run no faster on an accelerated site. **Limits** have a deadband: the
alarm goes only when the value is back by so much. `stockout_expected` needs two forecasts that agree, one after the
other. So nothing chatters.

**Suppressed by design** are all alarms of a device's values while the device is away; `device_away` while nothing at the
same address can be reached (`connection_away`: a broker or converter that several devices share); and those below.

| alarm | while there is |
| --- | --- |
"""

MIDDLE = """
An alarm's id is the place and the condition, with dots: `S002.slot.03.charger_fault`, `S002.stockout`,
`S002.cabinet.device_away`, `gateway.history_not_written`, `gateway.127-0-0-1-1883.connection_away`.

## Rules

The site file sets what differs from the table, for all stations or for one; every key is optional:

```yaml
alarms:
  pack_hot: {limit: 48, deadband: 2}
  door_left_open: {on_delay_s: 300, priority: 3}
  humidity_high: {enabled: false}
stations:
  - id: S002
    alarms:
      pack_hot: {limit: 52}
```

`enabled`, `priority` (1: act at once, 2: soon, 3: today, 4: diagnostic), `on_delay_s`, `off_delay_s`, and for alarms with a limit
`limit` and `deadband` in its unit. Unknown alarms and keys are refused with their line. A
[reload](how-to/run-unattended.md#change-the-site-while-it-runs) follows changed rules: alarms that are still watched stand as
they stood; those that are not any more are cleared.

## What survives, and how it is told

Every change is in the store before anybody is told of it: `kill -9` loses none. If the disk takes nothing for 2 s, alarms
are told nevertheless, and `history_not_written` says so. After a restart all alarms stand as they stood. The journal is kept as
long as the history (`retention_days`), and at most 500 000 lines.

Alarms are told by [REST](reference/rest.md#alarms) and on the [stream](reference/stream.md#events); `/metrics` has
`swaptwin_alarms_active_priority_1` to `_4`, `swaptwin_alarms_unacknowledged` and others.

## Measures

`/api/v1/alarms/measures` counts alarms that called for an operator; what is raised while hidden does not count. A **flood**
begins with more than 10 in ten minutes and ends with fewer than 5. An alarm **chatters** that comes three times or more within
ten minutes. **Stale** is what has stood for more than 24 h. Usual aims: at most one alarm in ten minutes on average, no
flood, no chattering, and of all alarms about 80 % of priority 3, 15 % of priority 2 and 5 % of priority 1.

## The catalogue

"""


def page() -> str:
    """The page as Markdown."""
    suppressed = [f"| `{name}` | {', '.join(f'`{each}`' for each in by)} |" for name, by in suppressing().items()]
    parts = [HEAD + "\n".join(suppressed) + "\n" + MIDDLE, _table(), *(_section(each) for each in CATALOGUE.values())]
    return "\n".join(parts)


def _table() -> str:
    head = "| alarm | of | priority | delays on, off, s | limit | deadband | time to respond |"
    rows = [head, "| --- | --- | --- | --- | --- | --- | --- |"]
    for each in CATALOGUE.values():
        limit, deadband = ("", "") if each.limit is None else (_amount(each, each.limit), _amount(each, each.deadband))
        delays = f"{each.on_delay_s:g}, {each.off_delay_s:g}"
        cells = (f"[`{each.name}`](#{each.name})", each.of, str(each.priority), delays, limit, deadband)
        rows.append(f"| {' | '.join(cells)} | {_time(each.respond_s)} |")
    return "\n".join(rows) + "\n"


def _section(each: Condition) -> str:
    title = each.title.replace("{slot}", "*n*").replace("{device}", "a device")
    return (
        f"### {each.name}\n\n**{title}.** Group {each.group}.\n\n"
        f"- Cause: {each.cause}\n- Consequence: {each.consequence}\n- Action: {each.action}\n"
    )


def _amount(each: Condition, number: float) -> str:
    if each.name == "grid_limit_exceeded":
        return f"{number:g} of the limit"
    unit = {"C": " °C", "1": ""}.get(each.unit, f" {each.unit}")
    return f"{'below ' if each.name == 'pack_cold' and number == each.limit else ''}{number:g}{unit}"


def _time(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


if __name__ == "__main__":
    sys.stdout.write(page())
