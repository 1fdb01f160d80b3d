"""Fault x protocol -> what the gateway must make of it, on live emulators, adapters, image, twin and forecast.

A row injects one fault into a device of each protocol at once. Each of its cells waits until the gateway's clients see
what must be seen, and, once the fault is cleared, until all is good again. Meanwhile the neighbours, which share the
process and, on MQTT, the broker, must not notice, and a change of state is logged once.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from config.clock import RealClock
from simulators.scenario import Expectation
from tests.support.bench import NEIGHBOURS_INTERVAL_S, VICTIMS, Bench

NOTICED_S = 6.0
BACK_S = 10.0
SETTLED_S = 30.0
SLOT = 3

CLOCK = RealClock()


@dataclass(frozen=True)
class Cell:
    """What must be seen. ``soc``: quality and reason of the slot's SoC; conditions are on the objects of the API.

    Names in braces in ``link_that`` and ``slot`` are what the device or point said before the fault.
    """

    soc: str | None = None
    link: str | None = None
    link_that: str | None = None
    station: str | None = None
    forecast: str | None = None
    slot: tuple[tuple[str, str], ...] = ()
    """Signals of the slot, and what their value must be."""
    holds_s: float = 0.0
    once: tuple[str, ...] = ()
    """Events that are logged exactly once for the device."""
    each: str = ""
    """An event that is logged exactly once for each of the device's requests."""


AWAY = Cell(
    "bad/no_communication",
    "no_communication",
    station="ready_reason == 'substituted' and ready != null",
    once=("device away",),
)
GONE = Cell("bad/no_communication", "no_communication")
WIDENED = Cell(
    "bad/no_communication",
    "no_communication",
    station="ready_reason == 'substituted'",
    forecast="quality == 'uncertain' and reason == 'substituted' and data_age_s > 0",
    once=("device away", "device connected"),
)
FLAPS = Cell(link_that="reconnects > {reconnects}")
COMES_BACK = Cell("good", "connected", link_that="reconnects > {reconnects}")
UNHURT = Cell("good", "connected", holds_s=1.0)
STALE = Cell("uncertain/stale", station="ready_reason == 'substituted'")
STANDS_STILL = Cell(link_that="frozen >= 1")
DOUBLED = Cell("good", "connected", link_that="dropped + repeats > {dropped} + {repeats}", holds_s=1.0)
AHEAD = Cell("good", "connected", link_that="data_age_s < 30 and clock_skew_s > 3500")
BEHIND = Cell("uncertain/stale", link_that="clock_skew_s < -3500")
OUT_OF_RANGE = Cell("bad/out_of_range", "connected", station="ready != null", slot=(("soc", "twin.soc > 0.3"),))
FAILED = Cell("bad/sensor_failure", station="ready != null", slot=(("soc", "twin.soc > 0.3"),))
NONE = Cell("bad/not_configured", station="ready != null", slot=(("soc", "twin.soc > 0.3"),))


CABINETS = ("opcua", "modbus", "mqtt", "sparkplug")
"""All but the tower cabinet, which has fewer signals and no heartbeat."""
LISTENING = ("opcua", "modbus")
ON_BROKER = ("mqtt", "sparkplug")


def everywhere(cell: Cell) -> dict[str, Cell]:
    return dict.fromkeys(VICTIMS, cell)


def on(cell: Cell, *protocols: str) -> dict[str, Cell]:
    return dict.fromkeys(protocols, cell)


def slot(*conditions: tuple[str, str], **more: Any) -> Cell:
    return Cell(slot=conditions, **more)


@dataclass(frozen=True)
class Row:
    fault: str
    cells: dict[str, Cell]
    parameters: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    """Of the order: slots, signals, probability."""
    shared: bool = False
    """The neighbours suffer too."""

    def on(self, protocols: Collection[str]) -> dict[str, Cell]:
        """The cells of some protocols."""
        return {protocol: cell for protocol, cell in self.cells.items() if protocol in protocols}

    def __str__(self) -> str:
        return "-".join([self.fault, *map(str, self.parameters.values()), *map(str, self.more.get("signals", ()))])


AT_SLOT = {"slots": str(SLOT)}
SOC = AT_SLOT | {"signals": ("soc",)}
JUMP = {"by": -0.1}
REFUSED = {"each": "request refused"}
TABLE = (
    # The connection
    Row("comm_loss", everywhere(WIDENED), {"mode": "refuse"}),
    Row("comm_loss", everywhere(AWAY), {"mode": "reset"}),
    Row("comm_loss", everywhere(AWAY), {"mode": "black_hole"}),
    Row("comm_loss", everywhere(AWAY), {"mode": "frozen"}),
    # A Modbus line that is closed between two polls is opened again before anybody is told.
    Row("connection_drop", on(COMES_BACK, "opcua", "mqtt", "sparkplug", "tower") | on(UNHURT, "modbus")),
    Row("link_flap", everywhere(FLAPS), {"half_period_s": 0.8}),
    Row("server_restart", on(AWAY, "opcua", "modbus", "tower") | on(GONE, *ON_BROKER)),
    Row("broker_away", on(AWAY, *ON_BROKER), {"mode": "refuse"}, shared=True),
    # The traffic
    Row("slow_response", everywhere(UNHURT), {"delay_s": 0.05, "jitter_s": 0.02}),
    Row("slow_response", on(AWAY, "modbus") | on(STALE, "mqtt"), {"delay_s": 2.0}),
    Row("no_reply", on(AWAY, "opcua", "modbus", "tower")),
    Row("partial_frame", everywhere(Cell("bad/no_communication", "no_communication"))),
    Row("split_frames", on(UNHURT, "opcua", "modbus", "tower"), {"bytes_each": 20, "gap_s": 0.001}),
    # Modbus
    Row("modbus_exception", on(Cell("bad/not_configured", **REFUSED), "modbus"), {"code": 1}),
    Row("modbus_exception", on(Cell("bad/not_configured", **REFUSED), "modbus"), {"code": 2}),
    Row("modbus_exception", on(Cell("bad/not_configured", **REFUSED), "modbus"), {"code": 3}),
    Row("modbus_exception", on(Cell("bad/sensor_failure", **REFUSED), "modbus"), {"code": 4}),
    Row("modbus_exception", on(Cell("bad/sensor_failure", **REFUSED), "modbus"), {"code": 6}),
    Row("modbus_exception", on(AWAY, "modbus"), {"code": 11}),
    Row("wrong_unit", on(AWAY, "modbus")),
    Row("wrong_transaction", on(AWAY, "modbus")),
    Row("short_answer", on(Cell("bad/sensor_failure", **REFUSED), "modbus")),
    # MQTT and Sparkplug
    Row("duplicate_message", on(DOUBLED, *ON_BROKER)),
    Row("lost_message", on(Cell("good", "connected"), *ON_BROKER), more={"probability": 0.2}),
    Row("reordered_message", on(UNHURT, "sparkplug")),
    Row("retained_ghost", on(AWAY, *ON_BROKER)),
    Row("malformed_payload", on(Cell("bad/sensor_failure"), "mqtt") | on(AWAY, "sparkplug")),
    Row("lost_birth", on(AWAY, "sparkplug")),
    Row("late_will", on(COMES_BACK, *ON_BROKER)),
    Row("takeover", on(FLAPS, "mqtt"), {"every_s": 1.0}),
    # Values
    Row("frozen_controller", on(AWAY, *CABINETS)),
    Row("frozen_value", on(STANDS_STILL, *CABINETS), more={"signals": ("heartbeat",)}),
    Row("out_of_range", everywhere(OUT_OF_RANGE), more=SOC),
    Row("not_a_number", on(FAILED, "opcua", "sparkplug", "tower") | on(NONE, "modbus", "mqtt"), more=SOC),
    Row("no_value", everywhere(NONE), more=SOC),
    Row("text_value", on(FAILED, "mqtt"), more=SOC),
    Row("bad_status", on(FAILED, "opcua"), {"status_code": "BadSensorFailure"}, SOC),
    Row("bad_status", on(Cell("bad/no_communication", "connected"), "opcua"), {"status_code": "BadNotConnected"}, SOC),
    Row("bias", everywhere(slot(("soc", "quality == 'good' and value < {soc} - 0.1"))), {"offset": -0.2}, SOC),
    Row("counter_reset", on(slot(("cycle_count", "quality == 'good' and value == 0")), *CABINETS), more=AT_SLOT),
    # Clocks
    Row("clock_skew", on(AHEAD, "opcua", *ON_BROKER), {"offset_s": 3600}),
    Row("clock_skew", on(BEHIND, *ON_BROKER), {"offset_s": -3600}),
    Row("frozen_clock", on(STALE, *ON_BROKER)),
    # Maps
    Row(
        "scale_changed",
        on(OUT_OF_RANGE, "opcua", "mqtt", "sparkplug", "tower") | on(Cell("bad/not_configured"), "modbus"),
        {"factor": 10},
        SOC,
    ),
    Row("word_order_changed", on(Cell(station="quality == 'bad'"), "modbus"), {"order": "BADC"}, AT_SLOT),
    Row(
        "address_shift",
        on(NONE, "opcua", "sparkplug")
        | on(Cell(station="quality == 'bad'"), "modbus")
        | on(Cell("bad/no_communication"), "mqtt"),
        {"by": 1},
        AT_SLOT,
    ),
    Row(
        "type_changed",
        on(slot(("cycle_count", "quality == 'bad' and reason == 'out_of_range'")), "modbus"),
        more=AT_SLOT | {"signals": ("cycle_count",)},
    ),
    Row("namespace_shuffle", on(COMES_BACK, "opcua")),
    # What really happens
    Row(
        "door_left_open",
        on(slot(("door_open", "value == true"), ("locked", "value == false")), *CABINETS)
        | on(slot(("door_open", "value == true")), "tower"),
        more=AT_SLOT,
    ),
    Row("pack_swapped", everywhere(slot(("pack_id", "value != {pack_id!r} and value != null"))), more=AT_SLOT),
    Row("soc_jump", everywhere(slot(("soc", "value < {soc} - 0.05 and abs(twin.soc - value) < 0.02"))), JUMP, AT_SLOT),
    Row("duplicate_pack", everywhere(slot(("pack_id", "value != {pack_id!r}"))), more=AT_SLOT),
    Row("charger_fault", everywhere(Cell("good", station="faulted == 1")), more=AT_SLOT),
    Row("slot_disabled", everywhere(slot(("enabled", "value == false"))), more=AT_SLOT),
    Row("mains_lost", on(Cell("good", station="power_w == 0"), *CABINETS) | on(Cell("good"), "tower")),
    Row("over_temperature", everywhere(slot(("temperature_c", "value > 54"))), {"temperature_c": 55.0}, AT_SLOT),
)  # fmt: skip


async def strike(rig: Bench, row: Row) -> None:
    """Inject a row's fault on all protocols of the bench, and hold what comes of it against the row's cells."""
    assert await rig.watch.until(lambda: all_well(rig) and all_foretold(rig), SETTLED_S), unwell(rig)
    cells = row.on(rig.victims)
    before = {name: dict(device) for name, device in rig.watch.devices().items()}
    said = len(rig.logged)
    stall = asyncio.create_task(longest_stall_s())
    for protocol in cells:
        order = {"fault": row.fault, "target": VICTIMS[protocol], "parameters": row.parameters} | row.more
        rig.faults.inject(order | {"seed": 7})
    known = {protocol: known_of(rig, VICTIMS[protocol], before) for protocol in cells}
    await rig.faults.settled()
    missed = [
        wrong
        for found in await asyncio.gather(*(held(rig, key, cell, known[key]) for key, cell in cells.items()))
        for wrong in found
    ]
    rig.faults.clear_all()
    await rig.faults.settled()
    back = await rig.watch.until(lambda: all_well(rig), BACK_S)
    assert not missed, "\n".join(missed)
    assert back, f"not back within {BACK_S} s: {unwell(rig)}"
    for protocol, cell in cells.items():
        device = f"{VICTIMS[protocol]}/cabinet"
        events = [line["event"] for line in rig.logged[said:] if line.get("device") == device]
        assert [events.count(event) for event in cell.once] == [1] * len(cell.once), events
        lines = [line for line in rig.logged[said:] if line.get("device") == device and line["event"] == cell.each]
        requests = [line["request"] for line in lines]
        assert bool(requests) == bool(cell.each)
        assert len(requests) == len(set(requests)), requests
    stall.cancel()
    if not row.shared:
        neighbours_are_unhurt(rig, before, await stall)


def all_well(rig: Bench) -> bool:
    devices = rig.watch.devices()
    if len(devices) < len(rig.victims) + len(rig.neighbours):
        return False
    if any(device["state"] != "connected" or device["quality"] != "good" for device in devices.values()):
        return False
    # A station's own topic is fresher than the list of devices.
    stations = [rig.watch.seen(Expectation(station=device["station"], quality="good")) for device in devices.values()]
    return all(station is not None and station["quality"] == "good" for station in stations)


def all_foretold(rig: Bench) -> bool:
    """The twin has taken in what every victim says: before that there is nothing to forecast from."""
    stations = [VICTIMS[protocol] for protocol in rig.victims]
    return all(rig.watch.seen(Expectation(forecast=name, that="replicas > 0")) is not None for name in stations)


def unwell(rig: Bench) -> str:
    return "; ".join(
        f"{name} {device['state']} {device['quality']}/{device['reason']} {device['detail']}"
        for name, device in rig.watch.devices().items()
        if device["state"] != "connected" or device["quality"] != "good"
    )


def known_of(rig: Bench, station: str, before: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the device and the slot said before the fault."""
    points = {}
    for signal in ("soc", "pack_id"):
        seen = rig.watch.seen(Expectation(point=f"{station}/slot/{SLOT:02d}/{signal}", quality="good"))
        points[signal] = seen["value"] if seen else None
    return before[f"{station}/cabinet"] | points


async def held(rig: Bench, protocol: str, cell: Cell, known: dict[str, Any]) -> list[str]:
    """What did not come to hold of a cell."""
    station = VICTIMS[protocol]
    wanted: list[Expectation] = []
    if cell.soc is not None:
        quality, _, reason = cell.soc.partition("/")
        point = f"{station}/slot/{SLOT:02d}/soc"
        wanted.append(Expectation.model_validate({"point": point, "quality": quality, "reason": reason or None}))
    if cell.link or cell.link_that:
        that = cell.link_that.format(**known) if cell.link_that else None
        wanted.append(Expectation(device=f"{station}/cabinet", state=cell.link, that=that))
    if cell.station:
        wanted.append(Expectation(station=station, that=cell.station))
    if cell.forecast:
        wanted.append(Expectation(forecast=station, that=cell.forecast))
    for signal, that in cell.slot:
        wanted.append(Expectation(point=f"{station}/slot/{SLOT:02d}/{signal}", that=that.format(**known)))
    missed = []
    for expectation, came in zip(
        wanted, await asyncio.gather(*(rig.until(each, NOTICED_S) for each in wanted)), strict=True
    ):
        seen = rig.watch.seen(expectation)
        if not came:
            missed.append(f"{protocol}: {expectation}; seen: {seen}")
        elif cell.holds_s and expectation.device and await rig.breaks(expectation, cell.holds_s):
            missed.append(f"{protocol}: {expectation} did not go on to hold")
    return missed


def neighbours_are_unhurt(rig: Bench, before: dict[str, dict[str, Any]], stall_s: float) -> None:
    """No neighbour was lost or missed more than one cycle, beyond those that this process itself was late for."""
    late = int(stall_s / NEIGHBOURS_INTERVAL_S)
    for station in rig.neighbours.values():
        name = f"{station}/cabinet"
        was, now = before[name], rig.watch.devices()[name]
        assert now["missed_cycles"] - was["missed_cycles"] <= 1 + late, (name, stall_s)
        assert now["reconnects"] == was["reconnects"] or stall_s > 1.0, (name, stall_s, now["detail"])


async def longest_stall_s() -> float:
    """The sum of what the loop was late by, until cancelled: a busy machine is nobody's fault."""
    late_s = 0.0
    try:
        while True:
            due = CLOCK.monotonic() + 0.05
            await CLOCK.sleep(0.05)
            late_s += max(CLOCK.monotonic() - due - 0.02, 0.0)
    except asyncio.CancelledError:
        return late_s
