"""One alarm's states and the changes between them, after ISA-18.2. Pure.

Whether the condition holds is decided before (gateway.alarms.delays): here it only holds or does not.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

MOST_SHELVED_S = 86_400.0
"""Site seconds for which an alarm may be shelved at most."""


class State(StrEnum):
    """What an operator sees. ``NORMAL`` alarms are not shown."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    """The condition is gone, and nobody has acknowledged that it was there."""
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


class Change(StrEnum):
    """What the journal says of a step."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    CLEARED = "cleared"


class WrongStateError(Exception):
    """An operator's order that does not fit the alarm's state: what it is, and what to do instead."""

    def __init__(self, message: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Alarm:
    """How one alarm stands. Times are UTC epoch seconds.

    ``value`` and ``limit`` are those at which it was raised. ``acknowledged`` says so of the latest raise.
    """

    active: bool = False
    acknowledged: bool = True
    since: float | None = None
    returned_at: float | None = None
    acked_at: float | None = None
    acked_by: str | None = None
    suppressed: bool = False
    shelved_until: float | None = None
    shelved_by: str | None = None
    out_of_service: bool = False
    reason: str | None = None
    """Why an operator shelved it or took it out of service."""
    value: float | None = None
    limit: float | None = None

    @property
    def state(self) -> State:
        if self.out_of_service:
            return State.OUT_OF_SERVICE
        if self.shelved_until is not None:
            return State.SHELVED
        if self.active and self.suppressed:
            return State.SUPPRESSED
        if self.active:
            return State.ACKNOWLEDGED if self.acknowledged else State.UNACKNOWLEDGED
        return State.NORMAL if self.acknowledged else State.RETURNED


class Step(NamedTuple):
    """An alarm as it stands after a change."""

    alarm: Alarm
    change: Change


_ANNUNCIATED = frozenset({State.UNACKNOWLEDGED, State.ACKNOWLEDGED, State.RETURNED})


def raised(alarm: Alarm, time: float, value: float | None, limit: float | None) -> Step:
    """The condition has come to hold; that of an alarm that is active already must not be raised."""
    if alarm.active:
        raise ValueError("the alarm is active already")
    return Step(
        replace(
            alarm,
            active=True,
            acknowledged=False,
            since=time,
            returned_at=None,
            acked_at=None,
            acked_by=None,
            value=value,
            limit=limit,
        ),
        Change.RAISED,
    )


def returned(alarm: Alarm, time: float) -> Step:
    """The condition holds no more. What nobody has seen stays until someone does; what is hidden needs nobody."""
    if not alarm.active:
        raise ValueError("the alarm is not active")
    seen = alarm.acknowledged or alarm.state not in _ANNUNCIATED
    after = replace(alarm, active=False, returned_at=time, acknowledged=seen)
    return Step(after, Change.CLEARED if after.state is State.NORMAL else Change.RETURNED)


def acknowledged(alarm: Alarm, time: float, by: str) -> Step | None:
    """An operator has seen it; ``None`` if it was acknowledged already. Raises ``WrongStateError``."""
    if alarm.state is State.ACKNOWLEDGED:
        return None
    if alarm.state not in _ANNUNCIATED:
        raise WrongStateError(
            f"the alarm is {_words(alarm.state)}", "Only alarms that are shown to operators can be acknowledged."
        )
    return Step(replace(alarm, acknowledged=True, acked_at=time, acked_by=by), Change.ACKNOWLEDGED)


def shelved(alarm: Alarm, by: str, until: float, reason: str) -> Step:
    """Hidden until a time; one that is shelved already gets the new time. Raises ``WrongStateError``."""
    if alarm.out_of_service:
        raise WrongStateError("the alarm is out of service", "Put it in service first.")
    return Step(replace(alarm, acknowledged=True, shelved_until=until, shelved_by=by, reason=reason), Change.SHELVED)


def unshelved(alarm: Alarm) -> Step:
    """Shown again: one whose condition holds must be acknowledged anew. Raises ``WrongStateError``."""
    if alarm.shelved_until is None:
        raise WrongStateError(f"the alarm is {_words(alarm.state)}", "Only a shelved alarm can be taken back.")
    after = replace(
        alarm, acknowledged=not alarm.active, shelved_until=None, shelved_by=None, reason=_kept_reason(alarm)
    )
    return Step(after, Change.UNSHELVED)


def out_of_service(alarm: Alarm, reason: str) -> Step:
    """Taken away for maintenance, without a limit of time; a shelving ends with it. Raises ``WrongStateError``."""
    if alarm.out_of_service:
        raise WrongStateError("the alarm is out of service already", "Put it in service to bring it back.")
    return Step(
        replace(alarm, acknowledged=True, shelved_until=None, shelved_by=None, out_of_service=True, reason=reason),
        Change.OUT_OF_SERVICE,
    )


def in_service(alarm: Alarm) -> Step:
    """Back after maintenance: one whose condition holds must be acknowledged. Raises ``WrongStateError``."""
    if not alarm.out_of_service:
        raise WrongStateError("the alarm is in service", "Only one that is out of service can be put in service.")
    return Step(replace(alarm, acknowledged=not alarm.active, out_of_service=False, reason=None), Change.IN_SERVICE)


def suppressed(alarm: Alarm, on: bool) -> Step | None:
    """By design, while another alarm explains it; ``None`` where nothing is to be seen of that."""
    if alarm.suppressed == on:
        return None
    after = replace(alarm, suppressed=on)
    if after.state is alarm.state:
        return None
    return Step(after, Change.SUPPRESSED if on else Change.UNSUPPRESSED)


def cleared(alarm: Alarm) -> Step:
    """What it watched is gone: its rule was switched off, or its device was taken out of the site file."""
    return Step(Alarm(), Change.CLEARED)


def _kept_reason(alarm: Alarm) -> str | None:
    return alarm.reason if alarm.out_of_service else None


def _words(state: State) -> str:
    return state.value.replace("_", " ")
