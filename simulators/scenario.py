"""Scenario files: what goes wrong when, and what a gateway must make of it."""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from config.alarm_catalogue import CATALOGUE
from config.binding import BoundDevice
from config.clock import RealClock
from config.document import Document, Place, read, validate
from config.errors import ConfigError, Problem
from config.loader import BUNDLED, LoadedSite
from config.profile import Strict
from config.site import Identifier
from simulators.expression import Expression
from simulators.faults.engine import Faults
from simulators.faults.orders import FaultError, Order
from simulators.serve import build_mounts, build_stations, embedded_brokers
from twin.signals import SIGNALS

Seconds = Annotated[float, Field(ge=0.0, le=1e6)]
SHOWN_STATION_SIGNALS = ("power_w", "grid_limit_w")
_POINT = re.compile(r"(?P<station>[^/]+)/(?:station|slot/(?P<slot>\d+))/(?P<signal>\w+)")


def _condition(text: str) -> str:
    Expression(text)
    return text


class Injection(Order):
    """A fault to inject, with a name by which it can be cleared."""

    label: str | None = None


class Expectation(Strict):
    """What must come to hold, as a gateway's clients see it. Exactly one of the first five says of what."""

    device: str | None = None
    """For example ``S001/cabinet``."""
    point: str | None = None
    """For example ``S001/slot/03/soc``."""
    station: str | None = None
    forecast: str | None = None
    """A station's."""
    alarm: str | None = None
    """An alarm's id, for example ``S001.slot.03.charger_fault``, or a condition's name for any alarm of that kind."""
    absent: bool = False
    """Of an alarm: it must not be there."""
    state: str | None = None
    """Of a device: ``connected``, ``no_communication``, ``connecting``. Of an alarm: ``unacknowledged`` and so on."""
    quality: Literal["good", "uncertain", "bad"] | None = None
    reason: str | None = None
    that: str | None = None
    """A condition on the fields of the object, for example ``errors > 0``; a point's is ``value``."""
    within_s: Seconds = 5.0
    """Wall seconds until it must hold."""
    holds_s: Seconds = 0.0
    """Wall seconds for which it must then go on to hold."""

    @property
    def of(self) -> tuple[str, str]:
        """The kind of thing and its name."""
        return next((kind, name) for kind in SUBJECTS if (name := getattr(self, kind)) is not None)

    def __str__(self) -> str:
        kind, name = self.of
        asked = [f"{key} {value}" for key in ("state", "quality", "reason") if (value := getattr(self, key))]
        asked += [self.that] if self.that else []
        asked += ["is not there"] if self.absent else []
        holds = f", holds {self.holds_s:g} s" if self.holds_s else ""
        return f"{kind} {name}: {', '.join(asked) or 'is there'} within {self.within_s:g} s{holds}"

    @field_validator("that")
    @classmethod
    def _that(cls, text: str | None) -> str | None:
        return None if text is None else _condition(text)

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in SUBJECTS) != 1:
            raise ValueError(f"an expectation is of one thing: give exactly one of {', '.join(SUBJECTS)}")
        if self.state is not None and self.device is None and self.alarm is None:
            raise ValueError("'state' is for a device or an alarm")
        if self.absent and (self.alarm is None or self.state or self.that):
            raise ValueError("'absent' is for an alarm, and stands alone")
        if self.alarm is None and self.that is None and not (self.state or self.quality or self.reason):
            raise ValueError("nothing is expected: give state, quality, reason or that")
        return self


SUBJECTS = ("device", "point", "station", "forecast", "alarm")


class Step(Strict):
    """One entry of the timeline. Exactly one of ``at``, ``every`` and ``when`` says when."""

    at: Seconds | None = None
    """Site seconds since the scenario's start."""
    every: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    """Site seconds."""
    when: str | None = None
    """A condition on the emulators' ground truth, for example ``S001.ready < 2``; ``time`` is since the start."""
    times: Annotated[int, Field(ge=1)] | None = None
    """How often at most; default: ``when`` once, ``every`` to the end."""
    note: str = ""
    inject: tuple[Injection, ...] = ()
    clear: tuple[str, ...] = ()
    """Labels of faults, or ``all``."""
    expect: tuple[Expectation, ...] = ()

    @field_validator("inject", "clear", "expect", mode="before")
    @classmethod
    def _one_or_many(cls, given: Any) -> Any:
        return (given,) if isinstance(given, dict | str) else given

    @field_validator("when")
    @classmethod
    def _when(cls, text: str | None) -> str | None:
        return None if text is None else _condition(text)

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if sum(each is not None for each in (self.at, self.every, self.when)) != 1:
            raise ValueError("give exactly one of at, every and when")
        if not (self.inject or self.clear or self.expect):
            raise ValueError("nothing happens: give inject, clear or expect")
        return self


class Scenario(Strict):
    scenario: Identifier
    title: str
    seed: Annotated[int, Field(ge=0)] = 1
    speed: Annotated[float, Field(ge=0.01, le=1000.0)] = 1.0
    """Site seconds per wall second, unless the command line says otherwise."""
    loop: Annotated[int, Field(ge=1, le=100_000)] = 1
    """How often the timeline is run through."""
    duration_s: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    """Site seconds of one run; default: until the last ``at`` and all that is expected there."""
    ready_within_s: Seconds = 60.0
    """Wall seconds within which all devices must be connected before the timeline starts."""
    timeline: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.duration_s is None and all(step.at is None for step in self.timeline):
            raise ValueError("'every' and 'when' alone never end: give duration_s")
        return self

    @property
    def expects(self) -> bool:
        """Whether a gateway is needed."""
        return any(step.expect for step in self.timeline)


def load_scenario(file: Path, loaded: LoadedSite) -> Scenario:
    """Read a scenario (a file, or the name of a bundled one) and hold it against a site.

    Raises ``ConfigError`` with every problem found.
    """
    bundled = BUNDLED / "scenarios" / f"{file}.yaml"
    if not file.exists() and not file.suffix and len(file.parts) == 1 and bundled.is_file():
        file = bundled
    document = read(file)
    if not isinstance(document.data, dict):
        raise ConfigError([document.problem((), "is not a mapping of keys", "See docs/reference/scenario.md")])
    scenario, problems = validate(Scenario, document)
    problems += document.problems
    if scenario is not None:
        problems += _against_site(document, scenario, loaded)
    if problems or scenario is None:
        raise ConfigError(problems)
    return scenario


def _against_site(document: Document, scenario: Scenario, loaded: LoadedSite) -> list[Problem]:
    clock = RealClock()
    bound = loaded.bind()
    stations = build_stations(loaded, clock.now())
    mounts = build_mounts(bound, stations, {}, clock)
    faults = Faults(stations, {}, [mount for mount, _ in mounts], embedded_brokers(loaded, clock), clock)
    labels = {each.label for step in scenario.timeline for each in step.inject if each.label}
    problems: list[Problem] = []
    for number, step in enumerate(scenario.timeline):
        place: Place = ("timeline", number)
        for index, injection in enumerate(step.inject):
            try:
                faults.check(injection)
            except FaultError as error:
                here = _item(document, (*place, "inject"), index) + tuple(error.key.split("."))
                problems.append(document.problem(here, error.message, error.remedy))
        for label in step.clear:
            if label != "all" and label not in labels:
                remedy = f"Labels here: {', '.join(sorted(labels)) or 'none'}; or write all"
                problems.append(document.problem((*place, "clear"), f"no fault has the label {label!r}", remedy))
        for index, expectation in enumerate(step.expect):
            here = _item(document, (*place, "expect"), index)
            found = _expectation_problem(expectation, loaded, bound)
            if found is not None:
                problems.append(document.problem((*here, expectation.of[0]), *found))
        if step.when is not None:
            unknown = Expression(step.when).names - {"time", "stations"} - set(stations)
            if unknown:
                message = f"nothing is called {min(unknown)!r}"
                remedy = f'Use time, stations["ID"] or one of {", ".join(list(stations)[:8])}'
                problems.append(document.problem((*place, "when"), message, remedy))
    return problems


def _item(document: Document, place: Place, index: int) -> Place:
    """The place of an item, which may stand alone instead of in a list."""
    return (*place, index) if (*place, index) in document.lines else place


def _expectation_problem(
    expectation: Expectation, loaded: LoadedSite, bound: list[BoundDevice]
) -> tuple[str, str] | None:
    kind, name = expectation.of
    stations = [station.id for station in loaded.site.stations]
    devices = [device.id for device in bound]
    if kind == "device" and name not in devices:
        return f"no device is called {name!r}", f"There are {', '.join(devices[:8])}"
    if kind in {"station", "forecast"} and name not in stations:
        return f"no station is called {name!r}", f"There are {', '.join(stations[:8])}"
    if kind == "alarm":
        return _alarm_problem(name, loaded)
    if kind == "point":
        return _point_problem(name, [point.path for device in bound for point in device.points])
    return None


def _alarm_problem(name: str, loaded: LoadedSite) -> tuple[str, str] | None:
    path, _, condition = name.rpartition(".")
    if condition not in CATALOGUE:
        close = difflib.get_close_matches(condition, CATALOGUE, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else "docs/alarms.md lists them"
        return f"no alarm is called {condition!r}", hint
    of = CATALOGUE[condition].of
    known: dict[str, list[str]] = {
        "slot": [f"{each.id}.slot.{n:02d}" for each in loaded.site.stations for n in range(1, each.slots + 1)],
        "station": [each.id for each in loaded.site.stations],
        "device": [f"{each.id}.{device.id}" for each in loaded.site.stations for device in each.devices],
    }
    if not path or (of == "gateway" and path.split(".")[0] == "gateway") or path in known.get(of, ()):
        return None
    example = known.get(of, ["gateway"])[0]
    return f"no {of} is called {path!r}", f"Write for example {example}.{condition}, or {condition} for any of them"


def _point_problem(name: str, paths: list[str]) -> tuple[str, str] | None:
    parts = _POINT.fullmatch(name)
    if parts is None:
        return f"{name!r} is no path of a point", "Write for example S001/slot/03/soc"
    if name not in paths:
        entity = "slot" if parts["slot"] else "station"
        known = ", ".join(signal for of, signal in SIGNALS if of == entity)
        return f"no device reports {name!r}", f"Slots have two digits; signals of a {entity}: {known}"
    if parts["slot"] is None and parts["signal"] not in SHOWN_STATION_SIGNALS:
        return f"a gateway does not show {name!r} to its clients", f"It shows {', '.join(SHOWN_STATION_SIGNALS)}"
    return None


def point_of(path: str) -> tuple[str, int | None, str]:
    """Station, slot and signal of a path that has been checked."""
    parts = _POINT.fullmatch(path)
    if parts is None:
        raise ValueError(f"{path!r} is no path of a point")
    return parts["station"], int(parts["slot"]) if parts["slot"] else None, parts["signal"]
