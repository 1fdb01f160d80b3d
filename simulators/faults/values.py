"""Values that are wrong: frozen, shifted, noisy, impossible or missing."""

import math
from abc import abstractmethod
from typing import ClassVar

from asyncua.ua.status_codes import StatusCodes
from pydantic import Field, PrivateAttr, field_validator

from config.binding import BoundPoint
from simulators.faults.base import EVERY, MODBUS, MQTT, OPCUA, SPARKPLUG, Fault, ValueFault, same
from simulators.station import Value
from twin.signals import Kind

MEASURED = frozenset({Kind.ANALOG, Kind.COUNTER})
EVERYTHING = ("*",)


class FrozenValue(ValueFault):
    name: ClassVar[str] = "frozen_value"
    summary: ClassVar[str] = "Values stand still as they were when it began; the device's heartbeat goes on."
    effects: ClassVar[dict[str, str]] = same("the last value for ever, with fresh time stamps")
    signals: ClassVar[tuple[str, ...]] = EVERYTHING
    spares: ClassVar[frozenset[str]] = frozenset({"heartbeat"})
    """What goes on unless it is named."""
    _held: dict[int, Value] = PrivateAttr(default_factory=dict)

    def value(self, bound: BoundPoint, value: Value, now: float) -> Value:
        if bound.point.signal in self.spares and not self.aim.signals:
            return value
        return self._held.setdefault(bound.number, value)


class FrozenController(FrozenValue):
    name: ClassVar[str] = "frozen_controller"
    summary: ClassVar[str] = (
        "The controller hangs behind a server that lives: all values stand still, the heartbeat too."
    )
    spares: ClassVar[frozenset[str]] = frozenset()


class _Measured(ValueFault):
    """One that changes numbers, and leaves states, flags and texts alone."""

    signals: ClassVar[tuple[str, ...]] = ("soc",)

    def value(self, bound: BoundPoint, value: Value, now: float) -> Value:
        if bound.signal.kind not in MEASURED or isinstance(value, bool | str) or value is None:
            return value
        return self.changed(bound, float(value), now)

    @abstractmethod
    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        """What the device takes for the number."""


class Bias(_Measured):
    name: ClassVar[str] = "bias"
    summary: ClassVar[str] = "A sensor is off by the same amount all the time."
    effects: ClassVar[dict[str, str]] = same("value + offset")
    offset: float = Field(description="in the signal's unit")

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        return value + self.offset


class Drift(_Measured):
    name: ClassVar[str] = "drift"
    summary: ClassVar[str] = "A sensor is off by more and more."
    effects: ClassVar[dict[str, str]] = same("value + per_hour x hours since it began")
    per_hour: float = Field(description="in the signal's unit, per site hour")
    _since: float = PrivateAttr(default=0.0)

    def begin(self, now: float) -> None:
        self._since = now

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        return value + self.per_hour * (now - self._since) / 3600.0


class Spike(_Measured):
    name: ClassVar[str] = "spike"
    summary: ClassVar[str] = "Single values jump up or down; give a probability for now and then."
    effects: ClassVar[dict[str, str]] = same("value + or - size")
    size: float = Field(gt=0.0, description="in the signal's unit")

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        return value + self.aim.rng.choice((-1.0, 1.0)) * self.size


class Noise(_Measured):
    name: ClassVar[str] = "noise"
    summary: ClassVar[str] = "A sensor is noisy: normal, independent from value to value."
    effects: ClassVar[dict[str, str]] = same("value + noise")
    sigma: float = Field(gt=0.0, description="standard deviation in the signal's unit")

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        return value + self.aim.rng.gauss(0.0, self.sigma)


class Quantise(_Measured):
    name: ClassVar[str] = "quantise"
    summary: ClassVar[str] = "A sensor has coarse steps."
    effects: ClassVar[dict[str, str]] = same("value rounded to steps")
    step: float = Field(gt=0.0, description="in the signal's unit")

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        return round(value / self.step) * self.step


class OutOfRange(_Measured):
    name: ClassVar[str] = "out_of_range"
    summary: ClassVar[str] = "Values that cannot be true of any station."
    effects: ClassVar[dict[str, str]] = same(
        "a value beyond the signal's range, as far as the device's type can hold it"
    )
    to: float | None = Field(None, description="the value; default: the range's end and half its width")

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        signal = bound.signal
        return signal.maximum + (signal.maximum - signal.minimum) / 2.0 if self.to is None else self.to


class NotANumber(_Measured):
    name: ClassVar[str] = "not_a_number"
    summary: ClassVar[str] = "A calculation in the device went wrong: NaN."
    effects: ClassVar[dict[str, str]] = {
        "opcua": "NaN with status Good",
        "modbus": "NaN in f32 and f64; integers have no such thing and carry the profile's sentinel",
        "mqtt": "null",
        "sparkplug": "NaN",
        "tower": "null",
    }

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        whole = bound.point.type not in {None, "f32", "f64"} or bound.signal.kind is Kind.COUNTER
        return None if whole else math.nan


class NoValue(ValueFault):
    name: ClassVar[str] = "no_value"
    summary: ClassVar[str] = "The device says that it has no value."
    effects: ClassVar[dict[str, str]] = {
        "opcua": "BadNoData",
        "modbus": "the profile's sentinel (0x8000, 0xFFFF and the like)",
        "mqtt": "null, or the profile's sentinel",
        "sparkplug": "is_null",
        "tower": "the attribute is missing or empty",
    }
    signals: ClassVar[tuple[str, ...]] = ("soc",)

    def value(self, bound: BoundPoint, value: Value, now: float) -> Value:
        return None


class TextValue(_Measured):
    name: ClassVar[str] = "text_value"
    summary: ClassVar[str] = "Numbers come as text after a change of firmware."
    effects: ClassVar[dict[str, str]] = {"mqtt": "a string in the place of a number"}

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        return f"{value:g}"


class BadStatus(ValueFault):
    name: ClassVar[str] = "bad_status"
    summary: ClassVar[str] = "Values carry a status code that is not good."
    effects: ClassVar[dict[str, str]] = {"opcua": "the status code with the value"}
    signals: ClassVar[tuple[str, ...]] = ("soc",)
    status_code: str = Field("BadSensorFailure", description="its name in OPC 10000-6, annex A")

    @field_validator("status_code")
    @classmethod
    def _known(cls, name: str) -> str:
        if not name.startswith(("Bad", "Uncertain")) or not hasattr(StatusCodes, name):
            raise ValueError(f"no status code is called {name!r}; for example BadSensorFailure, UncertainSubNormal")
        return name

    def status(self, bound: BoundPoint) -> str | None:
        return self.status_code


class CounterReset(_Measured):
    name: ClassVar[str] = "counter_reset"
    summary: ClassVar[str] = "Counters start from zero again."
    effects: ClassVar[dict[str, str]] = same("the count since the fault began", EVERY)
    signals: ClassVar[tuple[str, ...]] = ("energy_wh", "swap_count", "cycle_count")
    _first: dict[int, float] = PrivateAttr(default_factory=dict)

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        count = max(value - self._first.setdefault(bound.number, value), 0.0)
        return round(count) if not bound.signal.unit else count


class CounterRollover(_Measured):
    name: ClassVar[str] = "counter_rollover"
    summary: ClassVar[str] = "Counters are about to run over their last bit, and then do."
    effects: ClassVar[dict[str, str]] = same(
        "close below the modulus, then from zero", (OPCUA, MODBUS, MQTT, SPARKPLUG)
    )
    signals: ClassVar[tuple[str, ...]] = ("energy_wh", "swap_count", "cycle_count")
    bits: int = Field(16, ge=8, le=32)
    before: float = Field(5.0, ge=0.0, description="counts left when it begins, in the signal's unit")
    _first: dict[int, float] = PrivateAttr(default_factory=dict)

    def changed(self, bound: BoundPoint, value: float, now: float) -> Value:
        since = value - self._first.setdefault(bound.number, value)
        count = (2.0**self.bits - self.before + since) % 2.0**self.bits
        return round(count) if not bound.signal.unit else count


FAULTS: tuple[type[Fault], ...] = (
    FrozenValue,
    FrozenController,
    Bias,
    Drift,
    Spike,
    Noise,
    Quantise,
    OutOfRange,
    NotANumber,
    NoValue,
    TextValue,
    BadStatus,
    CounterReset,
    CounterRollover,
)
