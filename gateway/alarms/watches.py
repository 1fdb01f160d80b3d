"""All watches of a site."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.alarms import watch_future, watch_quality
from gateway.alarms.site import WatchedSite
from gateway.alarms.watch import Watch
from gateway.alarms.watch_values import CellWatch, GridWatch, Test, TwiceWatch, ValueWatch
from twin.observation import Estimate
from twin.signals import Reason

_VALUES: tuple[tuple[str, str, Test], ...] = (
    ("smoke", "smoke", "on"),
    ("water_leak", "water_leak", "on"),
    ("mains_lost", "mains_ok", "off"),
    ("service_door_open", "door_open", "on"),
    ("cabinet_fault", "fault_bits", "on"),
    ("cabinet_hot", "temperature_c", "above"),
    ("humidity_high", "humidity", "above"),
    ("charger_fault", "charger_state", "fault"),
    ("charger_warning", "fault_bits", "on"),
    ("pack_fault", "pack_fault_bits", "on"),
    ("pack_overheated", "temperature_c", "above"),
    ("pack_hot", "temperature_c", "above"),
    ("pack_cold", "temperature_c", "below"),
    ("door_left_open", "door_open", "on"),
)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the watches look at besides the image; the mappings are by station and belong to others."""

    estimates: Mapping[str, Estimate]
    forecasts: Mapping[str, dict[str, Any]]
    summaries: Mapping[str, dict[str, Any]]
    store_fails: Callable[[], bool]
    lateness_s: Callable[[], float | None]


def watches(site: WatchedSite, sources: Sources, now: float) -> list[Watch]:
    """One for each entry of the catalogue that anything at the site can have."""
    return [watch for watch in _all(site, sources, now) if watch.sources]


def _all(site: WatchedSite, sources: Sources, now: float) -> Iterator[Watch]:
    # What explains others comes first, so that these are suppressed from their beginning.
    yield watch_quality.ConnectionWatch(site)
    yield watch_quality.AwayWatch(site)
    for name, signal, test in _VALUES:
        yield ValueWatch(name, site, signal, test)
    yield ValueWatch("pack_unlocked", site, "locked", "off", only_with_pack=True)
    yield GridWatch(site)
    yield CellWatch(site)
    yield TwiceWatch(site)
    yield watch_quality.SensorWatch("sensor_out_of_range", site, "slot", Reason.OUT_OF_RANGE)
    yield watch_quality.SensorWatch("sensor_failure", site, "slot", Reason.SENSOR_FAILURE)
    yield watch_quality.SensorWatch("station_sensor_out_of_range", site, "station", Reason.OUT_OF_RANGE)
    yield watch_quality.SensorWatch("station_sensor_failure", site, "station", Reason.SENSOR_FAILURE)
    yield watch_quality.FrozenWatch(site)
    yield watch_quality.StaleWatch(site)
    yield watch_quality.ClockWatch(site)
    yield watch_quality.MissingWatch(site)
    for name in watch_future.DRIFTS:
        yield watch_future.DriftWatch(name, site, sources.estimates, now)
    yield watch_future.ResidualWatch(site, sources.estimates)
    yield watch_future.StockoutWatch(site, sources.summaries)
    yield watch_future.ForecastWatch(site, sources.forecasts)
    yield watch_future.OldForecastWatch(site, sources.forecasts)
    yield watch_future.GatewayWatch("history_not_written", site, lambda: float(sources.store_fails()))
    yield watch_future.GatewayWatch("gateway_late", site, sources.lateness_s)
