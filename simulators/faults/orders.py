"""Orders for faults: read from plain data, refused where they are wrong, and the catalogue that says what is right."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from config.profile import Strict
from simulators.faults.base import ClockFault, Fault, MapFault, RestartFault, StationFault, ValueFault, WireFault
from simulators.faults.catalogue import CATALOGUE


class FaultError(Exception):
    """An order that cannot be carried out: what is wrong with which key, and what to do."""

    def __init__(self, key: str, message: str, remedy: str) -> None:
        self.key, self.message, self.remedy = key, message, remedy
        super().__init__(f"{key}: {message}. {remedy}")


class Order(Strict):
    """What a user asks for. ``target``: ``*``, a station (``S001``) or a device (``S001/cabinet``)."""

    fault: str
    target: str
    slots: str | None = None
    """Numbers and ranges; default: all, or one that the fault picks by its seed."""
    signals: tuple[str, ...] = ()
    """Names or patterns such as ``cell_*``; default: the fault's own."""
    start_s: Annotated[float, Field(ge=0.0, le=1e7)] = 0.0
    """Site seconds from now."""
    duration_s: Annotated[float, Field(gt=0.0, le=1e7)] | None = None
    """Site seconds; default: until it is cleared."""
    probability: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """That it strikes, each time it could: per value, message or connection."""
    seed: Annotated[int, Field(ge=0)] | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)


def kind_of(name: str) -> type[Fault]:
    """The fault of a name. Raises ``FaultError``."""
    kind = CATALOGUE.get(name)
    if kind is None:
        raise FaultError("fault", f"no fault is called {name!r}", f"There are {', '.join(CATALOGUE)}")
    return kind


def read_order(data: Mapping[str, Any]) -> Order:
    """An order from plain data. Raises ``FaultError`` for the first thing that is wrong with it."""
    try:
        return Order.model_validate(dict(data))
    except ValidationError as error:
        raise _wrong(error, "", Order) from error


def read_parameters(kind: type[Fault], data: Mapping[str, Any]) -> Fault:
    """A fault with its parameters. Raises ``FaultError``."""
    try:
        return kind.model_validate(dict(data))
    except ValidationError as error:
        raise _wrong(error, "parameters.", kind) from error


def _wrong(error: ValidationError, prefix: str, model: type[Strict]) -> FaultError:
    first = error.errors(include_url=False)[0]
    key = prefix + ".".join(str(part) for part in first["loc"])
    known = ", ".join(model.model_fields) or "none"
    if first["type"] == "extra_forbidden":
        return FaultError(key, "is unknown", f"Known: {known}")
    if first["type"] == "missing":
        return FaultError(key, "is missing", f"Give it; known: {known}")
    return FaultError(key, str(first["msg"]).removeprefix("Value error, "), "Correct the value")


def describe(kind: type[Fault]) -> dict[str, Any]:
    """A fault as a user finds it in the catalogue."""
    fields = kind.model_json_schema().get("properties", {})
    required = set(kind.model_json_schema().get("required", []))
    return {
        "fault": kind.name,
        "summary": kind.summary,
        "layer": layer_of(kind),
        "instant": kind.instant,
        "signals": list(kind.signals),
        "effects": dict(kind.effects),
        "parameters": {
            name: {key: value for key, value in field.items() if key != "title"} | {"required": name in required}
            for name, field in fields.items()
        },
    }


def layer_of(kind: type[Fault]) -> str:
    """Where a fault acts, in one word."""
    layers: dict[type[Fault], str] = {
        ValueFault: "value",
        ClockFault: "clock",
        MapFault: "map",
        WireFault: "wire",
        RestartFault: "wire",
        StationFault: "station",
    }
    return next(layer for base, layer in layers.items() if issubclass(kind, base))
