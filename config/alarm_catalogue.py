"""Every alarm that the gateway can raise: what it means, and what the operator is to do about it.

An entry without an action that a person can take is no alarm and does not stand here. Delays are site seconds; of
devices and of the gateway wall seconds, because cables and computers do not run faster on an accelerated site.
"""

from dataclasses import dataclass
from typing import Literal

from config.alarm_texts import TEXTS, Text

Of = Literal["slot", "station", "device", "gateway"]
Group = Literal["safety", "charging", "access", "sensors", "communication", "power", "twin", "forecast", "gateway"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the catalogue, with the defaults of its rule.

    ``of``: what has the alarm, one of each. ``priority``: 1 (act now) to 3, or 4 (diagnostic). ``limit`` and
    ``deadband`` are in ``unit``; without a limit the condition holds or does not. ``respond_s``: how long the operator
    has before the consequence comes. Texts may name ``{slot}`` and ``{device}``. ``value_unit``: of what operators are
    shown, where the limit is a share of something else.
    """

    name: str
    of: Of
    group: Group
    priority: int
    respond_s: float
    on_delay_s: float
    off_delay_s: float
    limit: float | None = None
    deadband: float = 0.0
    unit: str = ""
    value_unit: str = ""

    @property
    def _text(self) -> Text:
        return TEXTS.get(self.name) or Text(self.name, "", "", "")

    @property
    def title(self) -> str:
        return self._text.title

    @property
    def cause(self) -> str:
        return self._text.cause

    @property
    def consequence(self) -> str:
        return self._text.consequence

    @property
    def action(self) -> str:
        return self._text.action


_ALL = (
    Condition("smoke", "station", "safety", 1, 60, 0, 10),
    Condition("pack_overheated", "slot", "safety", 1, 120, 2, 10, limit=60.0, deadband=5.0, unit="C"),
    Condition("water_leak", "station", "safety", 1, 600, 2, 30),
    Condition("pack_hot", "slot", "safety", 2, 900, 10, 30, limit=50.0, deadband=3.0, unit="C"),
    Condition("pack_cold", "slot", "charging", 3, 3600, 60, 60, limit=0.0, deadband=2.0, unit="C"),
    Condition("cabinet_hot", "station", "safety", 2, 1800, 30, 60, limit=50.0, deadband=3.0, unit="C"),
    Condition("humidity_high", "station", "safety", 3, 14_400, 300, 300, limit=0.9, deadband=0.05, unit="1"),
    Condition("mains_lost", "station", "power", 1, 600, 2, 10),
    Condition(
        "grid_limit_exceeded", "station", "power", 2, 300, 10, 10, limit=1.05, deadband=0.03, unit="1", value_unit="W"
    ),
    Condition("cabinet_fault", "station", "charging", 2, 1800, 5, 10),
    Condition("charger_fault", "slot", "charging", 2, 1800, 2, 10),
    Condition("charger_warning", "slot", "charging", 3, 7200, 5, 10),
    Condition("pack_fault", "slot", "charging", 2, 1800, 5, 10),
    Condition("cells_unbalanced", "slot", "charging", 3, 86_400, 60, 60, limit=0.25, deadband=0.05, unit="V"),
    Condition("pack_id_twice", "slot", "sensors", 3, 86_400, 30, 30),
    Condition("door_left_open", "slot", "access", 2, 600, 120, 2),
    Condition("pack_unlocked", "slot", "access", 3, 1800, 300, 2),
    Condition("service_door_open", "station", "access", 3, 1800, 300, 2),
    Condition("sensor_out_of_range", "slot", "sensors", 3, 14_400, 5, 30),
    Condition("sensor_failure", "slot", "sensors", 3, 14_400, 10, 30),
    Condition("station_sensor_out_of_range", "station", "sensors", 3, 14_400, 5, 30),
    Condition("station_sensor_failure", "station", "sensors", 3, 14_400, 10, 30),
    Condition("connection_away", "gateway", "communication", 2, 1800, 3, 30),
    Condition("device_away", "device", "communication", 2, 1800, 5, 5),
    Condition("values_stale", "device", "communication", 3, 3600, 15, 10, limit=0.5, deadband=0.2, unit="1"),
    Condition("values_frozen", "device", "sensors", 3, 3600, 2, 10),
    Condition("clock_skew", "device", "communication", 4, 86_400, 60, 60, limit=5.0, deadband=2.0, unit="s"),
    Condition("points_missing", "device", "communication", 4, 86_400, 10, 10),
    Condition("charger_degraded", "slot", "twin", 3, 86_400, 0, 60),
    Condition("soc_sensor_drift", "slot", "twin", 3, 86_400, 0, 60),
    Condition("station_power_mismatch", "station", "twin", 3, 86_400, 0, 60),
    Condition("twin_residual", "slot", "twin", 4, 86_400, 120, 120, limit=0.1, deadband=0.03, unit="1"),
    Condition("stockout", "station", "forecast", 1, 300, 10, 30),
    Condition("stockout_expected", "station", "forecast", 2, 1800, 0, 0, limit=0.5, deadband=0.15, unit="1"),
    Condition("forecast_too_old", "station", "forecast", 3, 3600, 30, 10, limit=900.0, deadband=300.0, unit="s"),
    Condition("history_not_written", "gateway", "gateway", 2, 3600, 5, 30),
    Condition("gateway_late", "gateway", "gateway", 4, 86_400, 60, 300, limit=0.25, deadband=0.1, unit="s"),
)

CATALOGUE: dict[str, Condition] = {condition.name: condition for condition in _ALL}
