"""``/metrics``: the numbers of the health report in the format that Prometheus reads."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

COUNTERS = frozenset({"conflated", "evicted", "refused", "dropped"})
"""Numbers of the report that only grow."""


def registry(report: Callable[[], Mapping[str, Any]]) -> CollectorRegistry:
    """A registry of its own, so that two gateways in one process (tests) do not meet."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    made.register(_Report(report))
    return made


class _Report(Collector):
    def __init__(self, report: Callable[[], Mapping[str, Any]]) -> None:
        self._report = report

    def describe(self) -> Iterable[Metric]:
        """Nothing: asked at registration, when the rooms that the report reads may not be there yet."""
        return []

    def collect(self) -> Iterable[Metric]:
        for path, value in _numbers(self._report(), ()):
            name, text = "_".join(("swaptwin", *path)), f"{'.'.join(path)} of /api/v1/health"
            if path[-1] in COUNTERS:
                yield CounterMetricFamily(name, text, value=value)
            else:
                yield GaugeMetricFamily(name, text, value=value)


def _numbers(content: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], float]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, (*path, key))
        elif isinstance(value, bool | int | float):
            yield (*path, key), float(value)
