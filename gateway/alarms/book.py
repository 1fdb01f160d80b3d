"""The alarms that are not normal, and the journal entries of their changes. Pure: who calls says what time it is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from config.alarm_catalogue import Condition
from gateway.alarms import state
from gateway.alarms.design import EXPLAINING
from gateway.alarms.site import Source
from gateway.alarms.state import MOST_SHELVED_S, Alarm, Change, State, Step

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What an alarm is about, as the site file has it now. ``explained_by``: ids of alarms that suppress it."""

    id: str
    condition: Condition
    source: Source
    priority: int
    explained_by: frozenset[str] = frozenset()

    def text(self, template: str) -> str:
        return template.format(slot=self.source.slot, device=self.source.device)


@dataclass(frozen=True, slots=True)
class Entry:
    about: About
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the journal, and the alarm as it stands after it."""

    seq: int
    time: float
    change: Change
    by: str | None
    comment: str | None
    value: float | None
    entry: Entry

    def fields(self) -> Fields:
        """As clients see it."""
        about = self.entry.about
        return {
            "seq": self.seq,
            "time": round(self.time, 3),
            "id": about.id,
            "station": about.source.station,
            "condition": about.condition.name,
            "priority": about.priority,
            "change": self.change.value,
            "state": self.entry.alarm.state.value,
            "by": self.by,
            "comment": self.comment,
            "value": self.value,
        }


class Book:
    """Each method carries out one thing that happened; what that changed waits in ``take``."""

    def __init__(self, seq: int) -> None:
        """``seq``: of the last line of the journal so far."""
        self._entries: dict[str, Entry] = {}
        self._seq = seq
        self._notes: list[Note] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def get(self, alarm_id: str) -> Entry | None:
        return self._entries.get(alarm_id)

    def take(self) -> list[Note]:
        """The changes since the last call, oldest first."""
        notes, self._notes = self._notes, []
        return notes

    @property
    def seq(self) -> int:
        """Of the last change."""
        return self._seq

    @property
    def changed(self) -> bool:
        return bool(self._notes)

    def restore(self, about: About, alarm: Alarm) -> None:
        """An alarm as it was stored."""
        self._entries[about.id] = Entry(about, alarm)

    def raised(self, about: About, time: float, value: float | None, limit: float | None) -> None:
        held = self._entries.get(about.id)
        alarm = held.alarm if held else Alarm()
        alarm = replace(alarm, suppressed=any(self._is_active(other) for other in about.explained_by))
        self._note(about, state.raised(alarm, time, value, limit), time, value=value)
        self._explain(about.id, time)

    def returned(self, alarm_id: str, time: float, value: float | None) -> None:
        held = self._entries[alarm_id]
        self._note(held.about, state.returned(held.alarm, time), time, value=value)
        self._explain(alarm_id, time)

    def acknowledged(self, about: About, time: float, by: str, comment: str | None = None) -> None:
        """Raises ``WrongStateError``."""
        step = state.acknowledged(self._alarm(about), time, by)
        if step is not None:
            self._note(about, step, time, by, comment)

    def shelved(self, about: About, time: float, by: str, until: float, reason: str) -> None:
        """Raises ``WrongStateError``."""
        self._note(about, state.shelved(self._alarm(about), by, until, reason), time, by, reason)

    def unshelved(self, about: About, time: float, by: str | None) -> None:
        """``by``: ``None`` when its time is over. Raises ``WrongStateError``."""
        comment = "its time was over" if by is None else None
        self._note(about, state.unshelved(self._alarm(about)), time, by, comment)

    def out_of_service(self, about: About, time: float, by: str, reason: str) -> None:
        """Raises ``WrongStateError``."""
        self._note(about, state.out_of_service(self._alarm(about), reason), time, by, reason)

    def in_service(self, about: About, time: float, by: str) -> None:
        """Raises ``WrongStateError``."""
        self._note(about, state.in_service(self._alarm(about)), time, by)

    def end_shelvings(self, time: float) -> None:
        """Show again what was shelved until now."""
        for entry in list(self._entries.values()):
            until = entry.alarm.shelved_until
            # What would last longer than it may was given before the clock was set back.
            if until is not None and not 0.0 < until - time <= MOST_SHELVED_S:
                self.unshelved(entry.about, time, None)

    def follow(self, about: Callable[[str], About | None], time: float) -> None:
        """The site file has changed: ``about`` says what an id is about now, ``None`` where there is no such alarm."""
        gone = []
        for alarm_id, entry in self._entries.items():
            now = about(alarm_id)
            if now is None:
                gone.append(entry)
            else:
                self._entries[alarm_id] = replace(entry, about=now)
        for entry in gone:
            self._note(entry.about, state.cleared(entry.alarm), time, comment="no longer in the site file")
        for entry in list(self._entries.values()):
            self._hide_or_show(entry, time, None)

    def _alarm(self, about: About) -> Alarm:
        held = self._entries.get(about.id)
        return held.alarm if held else Alarm()

    def _is_active(self, alarm_id: str) -> bool:
        held = self._entries.get(alarm_id)
        return held is not None and held.alarm.active

    def _explain(self, alarm_id: str, time: float) -> None:
        """An alarm has come or gone: hide or show those that it explains."""
        if alarm_id.rpartition(".")[2] not in EXPLAINING:
            return
        for entry in [each for each in self._entries.values() if alarm_id in each.about.explained_by]:
            self._hide_or_show(entry, time, alarm_id)

    def _hide_or_show(self, entry: Entry, time: float, because: str | None) -> None:
        hidden = any(self._is_active(other) for other in entry.about.explained_by)
        step = state.suppressed(entry.alarm, hidden)
        if step is not None:
            self._note(entry.about, step, time, comment=because)
        elif entry.alarm.suppressed != hidden:
            self._entries[entry.about.id] = replace(entry, alarm=replace(entry.alarm, suppressed=hidden))

    def _note(
        self,
        about: About,
        step: Step,
        time: float,
        by: str | None = None,
        comment: str | None = None,
        *,
        value: float | None = None,
    ) -> None:
        self._seq += 1
        entry = Entry(about, step.alarm)
        if step.alarm.state is State.NORMAL:
            self._entries.pop(about.id, None)
        else:
            self._entries[about.id] = entry
        self._notes.append(Note(self._seq, time, step.change, by, comment, value, entry))


def view(entry: Entry) -> Fields:
    """An alarm as clients see it."""
    about, alarm = entry.about, entry.alarm
    condition, source = about.condition, about.source
    return {
        "id": about.id,
        "station": source.station,
        "source": source.path,
        "condition": condition.name,
        "state": alarm.state.value,
        "active": alarm.active,
        "priority": about.priority,
        "title": about.text(condition.title),
        "cause": condition.cause,
        "consequence": condition.consequence,
        "action": condition.action,
        "text_key": condition.name,
        "text_values": source.text_values,
        "respond_s": condition.respond_s,
        "group": condition.group,
        "since": _time(alarm.since),
        "returned_at": _time(alarm.returned_at),
        "acked_at": _time(alarm.acked_at),
        "acked_by": alarm.acked_by,
        "shelved_until": _time(alarm.shelved_until),
        "shelved_by": alarm.shelved_by,
        "reason": alarm.reason,
        "value": _number(alarm.value),
        "limit": _number(alarm.limit),
        "unit": condition.value_unit or condition.unit,
    }


def stored(alarm: Alarm) -> Fields:
    """An alarm as the store keeps it."""
    return asdict(alarm)


def restored(fields: Mapping[str, Any]) -> Alarm:
    """What ``stored`` made, perhaps in another version."""
    return Alarm(**{key: value for key, value in fields.items() if key in Alarm.__dataclass_fields__})


def _time(time: float | None) -> float | None:
    return None if time is None else round(time, 3)


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
