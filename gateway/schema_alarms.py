"""The JSON shapes of alarms and swaps, for the descriptions at /openapi.json and /api/asyncapi.json."""

from typing import Literal

from gateway.schema import Shape

StateName = Literal["normal", "unacknowledged", "acknowledged", "returned", "shelved", "suppressed", "out_of_service"]
ChangeName = Literal[
    "raised",
    "acknowledged",
    "returned",
    "shelved",
    "unshelved",
    "suppressed",
    "unsuppressed",
    "out_of_service",
    "in_service",
    "cleared",
]


class AlarmAnswer(Shape):
    """``active``: the condition holds. ``value`` and ``limit``: in ``unit``, when it was raised."""

    id: str
    station: str | None
    source: str
    condition: str
    state: StateName
    active: bool
    priority: Literal[1, 2, 3, 4]
    title: str
    cause: str
    consequence: str
    action: str
    text_key: str
    text_values: dict[str, int | str]
    respond_s: float
    group: str
    since: float | None
    returned_at: float | None
    acked_at: float | None
    acked_by: str | None
    shelved_until: float | None
    shelved_by: str | None
    reason: str | None
    value: float | None
    limit: float | None
    unit: str


class Refused(Shape):
    id: str
    code: str
    message: str
    remedy: str


class AcknowledgedAnswer(Shape):
    acknowledged: list[str]
    refused: list[Refused]


class JournalLine(Shape):
    seq: int
    time: float
    id: str
    station: str | None
    condition: str
    priority: int
    change: ChangeName
    state: StateName
    by: str | None
    comment: str | None
    value: float | None


class AlarmEvent(JournalLine):
    """A line of the journal, with the alarm as it stands after it."""

    alarm: AlarmAnswer


class HourCount(Shape):
    time: float
    raised: int


class Flood(Shape):
    start: float
    end: float
    raised: int


class IdCount(Shape):
    id: str
    raised: int


class StaleAlarm(Shape):
    id: str
    since: float


class TopAlarm(Shape):
    id: str
    station: str | None
    condition: str
    raised: int
    share: float


class Waits(Shape):
    p50: float | None
    p95: float | None


class MeasuresAnswer(Shape):
    to: float
    raised: int
    per_hour: list[HourCount]
    per_operator_day: float
    average_per_10_min: float
    peak_per_10_min: int
    flood_share: float
    floods: list[Flood]
    by_priority: dict[str, int]
    chattering: list[IdCount]
    stale: list[StaleAlarm]
    top: list[TopAlarm]
    unacknowledged_s: Waits


class SwapEvent(Shape):
    """Null: not known. ``slot``: the one whose pack was handed out."""

    time: float
    station: str
    kind: str
    slot: int | None
    pack_out: str | None
    pack_in: str | None
    soc_out: float | None
    soc_in: float | None


class SwapAnswer(SwapEvent):
    number: int
