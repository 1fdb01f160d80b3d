"""What ``swaptwin check --connect`` prints: every point of every device as it is now, and what looks wrong."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from adapters.base import Link
from config.clock import Clock
from config.loader import LoadedSite
from gateway.diagnostics import address_of
from gateway.image import Image
from gateway.plausibility_values import Observed
from gateway.tap import running_site
from gateway.watching import Watch, Watched, judge, link_words
from twin.signals import SIGNALS, ChargerState, Kind, Quality

COLOURS = {Quality.GOOD: "green", Quality.UNCERTAIN: "yellow", Quality.BAD: "red"}


async def connect(loaded: LoadedSite, clock: Clock, seconds: float) -> tuple[list[Watched], Image]:
    """Watch all devices of a site for so many seconds through the gateway's own adapters, and judge them."""
    devices = loaded.bind()
    watch = Watch(devices, clock)
    async with running_site(devices, clock, on_batch=watch.take) as (image, _):
        await clock.sleep(seconds)
        watch.settle(image)
        words = {device.number: link_words(image, device) for device in devices}
    for watched in watch.devices:
        link = image.sink(watched.device).link
        # Taken before the adapters ended: a link that we end ourselves is no news.
        link.detail = words[watched.device.number]
        empty = watch.empty(watched.device.station.id)
        await judge(watched, clock, seconds=seconds, link_errors=link.errors, empty=empty)
    return watch.devices, image


def is_right(devices: Sequence[Watched]) -> bool:
    """Whether every device answered and nothing looks wrong."""
    return all(watched.answered and not any(found.is_wrong for found in watched.found) for watched in devices)


def describe(devices: Sequence[Watched], image: Image) -> Iterator[RenderableType]:
    """All devices, their points and findings, and the verdict."""
    for watched in devices:
        link = image.sink(watched.device).link
        yield Text.assemble(("\n" + watched.device.id, "bold"), f"  {watched.device.profile.profile}  {link.detail}")
        if watched.answered:
            yield Text(_timing(watched, link), style="dim")
            yield _points(watched)
        for found in watched.found:
            head = "wrong" if found.is_wrong else "note"
            yield Text(f"{head}: {found}", style="red" if found.is_wrong else "yellow")
    yield Text("")
    yield _verdict(devices)


def _timing(watched: Watched, link: Link) -> str:
    trips = sorted(link.round_trips_s)
    parts = [f"{len(watched.arrivals)} deliveries"]
    if trips:
        parts.append(f"round trip {1000.0 * _rank(trips, 0.5):.1f} ms, p95 {1000.0 * _rank(trips, 0.95):.1f} ms")
    parts.append(f"{link.missed_cycles} missed deadlines")
    if link.errors:
        parts.append(f"{link.errors} errors")
    return ", ".join(parts)


def _rank(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, math.floor(share * len(values)))]


def _points(watched: Watched) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("point", no_wrap=True)
    table.add_column("address", overflow="fold")
    table.add_column("raw", justify="right", overflow="fold")
    table.add_column("value", justify="right", overflow="fold")
    table.add_column("unit")
    table.add_column("quality")
    table.add_column("age", justify="right")
    for each in watched.observed:
        quality = each.quality.name.lower()
        reason = "" if each.quality is Quality.GOOD else f"/{each.reason.name.lower()}"
        table.add_row(
            each.bound.path,
            address_of(each.bound),
            _raw(each.raw),
            shown_value(each),
            unit_of(each),
            Text(f"{quality}{reason}", style=COLOURS[each.quality]),
            "" if math.isnan(each.age_s) else f"{max(0.0, each.age_s):.1f} s",
        )
    return table


def _raw(raw: Any) -> str:
    if raw is None:
        return "-"
    return f"{raw:.8g}" if isinstance(raw, float) else str(raw)


def shown_value(each: Observed) -> str:
    """The value in words: states by name, truths as yes and no; a dash where there is none."""
    value = each.value
    if value is None or each.quality is Quality.BAD or isinstance(value, str):
        return value if isinstance(value, str) and each.quality is not Quality.BAD else "-"
    match each.bound.signal.kind:
        case Kind.BOOL:
            return "yes" if value else "no"
        case Kind.ENUM:
            return ChargerState(int(value)).name.lower()
        case Kind.COUNTER:
            return f"{value:.0f}"
        case _:
            return f"{value:.6g}"


def unit_of(each: Observed) -> str:
    unit = SIGNALS[each.bound.point.entity, each.bound.point.signal].unit
    return "" if unit == "1" else unit


def _all(devices: int) -> str:
    return "the device" if devices == 1 else f"all {devices} devices"


def _verdict(devices: Sequence[Watched]) -> Text:
    away = [watched.device.id for watched in devices if not watched.answered]
    wrong = sum(found.is_wrong for watched in devices for found in watched.found)
    if not away and not wrong:
        return Text(f"{_all(len(devices))} answered and nothing looks wrong", style="green")
    parts = [f"no value from {', '.join(away)}"] if away else []
    if wrong:
        parts.append("1 thing looks wrong" if wrong == 1 else f"{wrong} things look wrong")
    return Text("; ".join(parts), style="red")
