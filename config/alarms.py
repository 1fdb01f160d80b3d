"""Alarm rules of a site file: what a site or a station sets differently from the catalogue."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from config.alarm_catalogue import CATALOGUE, Condition
from config.strict import Strict

Delay = Annotated[float, Field(ge=0.0, le=86_400.0)]


class AlarmRule(Strict):
    """What differs from the catalogue (docs/alarms.md); what is left out stays as it is there."""

    enabled: bool | None = None
    """Whether the alarm is raised at all; default: yes."""
    priority: Literal[1, 2, 3, 4] | None = None
    """1: act at once; 2: soon; 3: today; 4: diagnostic, for engineers."""
    on_delay_s: Delay | None = None
    """Seconds for which the condition must hold before the alarm comes."""
    off_delay_s: Delay | None = None
    """Seconds for which the condition must be gone before the alarm returns to normal."""


class LimitRule(AlarmRule):
    """The rule of an alarm with a limit."""

    limit: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    """In the unit of the catalogue."""
    deadband: Annotated[float, Field(ge=0.0, le=1e6)] | None = None
    """How far back from the limit the value must be before the alarm returns to normal."""


def _model() -> type[Strict]:
    fields: dict[str, Any] = {}
    for condition in CATALOGUE.values():
        kind = AlarmRule if condition.limit is None else LimitRule
        text = condition.title.replace("{slot}", "a slot").replace("{device}", "a device")
        fields[condition.name] = (kind | None, Field(None, description=text))
    return create_model("AlarmRules", __base__=Strict, __doc__="Rules by alarm.", **fields)


AlarmRules: Any = _model()
"""A mapping of alarms' names to rules, with one optional field for each entry of the catalogue."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule in force for one condition at one station."""

    condition: Condition
    enabled: bool
    priority: int
    on_delay_s: float
    off_delay_s: float
    limit: float | None
    deadband: float


def rules(given: Iterable[Any]) -> dict[str, Rule]:
    """The rules in force; of several ``AlarmRules`` the later ones win, key by key. ``None`` stands for none."""
    found = {}
    levels = [level for level in given if level is not None]
    for name, condition in CATALOGUE.items():
        rule = Rule(
            condition,
            True,
            condition.priority,
            float(condition.on_delay_s),
            float(condition.off_delay_s),
            condition.limit,
            condition.deadband,
        )
        for level in levels:
            own: AlarmRule | None = getattr(level, name)
            if own is not None:
                rule = replace(rule, **{key: value for key, value in own.model_dump().items() if value is not None})
        found[name] = rule
    return found
