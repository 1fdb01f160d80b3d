"""Whatever an edge node sends, in whatever order: nothing escapes, and nothing enters as good that cannot be."""

import asyncio
import random
import struct
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.link import LinkReporter
from adapters.sparkplug import SparkplugAdapter
from config.clock import ManualClock
from simulators.sparkplug_wire import BOOLEAN, DOUBLE, INT32, INT64, STRING, UINT64, Told, message
from tests.support.adapters import Desk, device
from twin.signals import Quality

POINTS: list[dict[str, Any]] = [
    {"signal": "soc", "address": "Slot{index}/SoC", "scale": 0.01},
    {"signal": "pack_id", "address": "Slot{index}/Id"},
    {"signal": "enabled", "address": "Slot{index}/Enabled"},
    {"signal": "charger_state", "address": "Slot{index}/State", "enum": {0: "idle", 1: "charging"}},
    {"signal": "heartbeat", "entity": "station", "address": "Beat"},
]
NAMES = ["Slot1/SoC", "Slot1/Id", "Slot1/Enabled", "Slot1/State", "Beat", "Stranger"]

TYPED = st.one_of(
    st.tuples(st.sampled_from([INT32, INT64, UINT64]), st.integers(-(2**70), 2**70) | st.integers(-5, 5)),
    st.tuples(st.just(DOUBLE), st.floats()),
    st.tuples(st.just(BOOLEAN), st.booleans()),
    st.tuples(st.just(STRING), st.text(max_size=200)),
    st.tuples(st.sampled_from([0, 9, 13, 16, 99]), st.text(max_size=5)),
    st.tuples(st.sampled_from([DOUBLE, INT32, STRING]), st.none()),
)
METRIC = st.builds(
    lambda typed, name, alias, named, birth: Told(
        typed[1], typed[0], name=name if named else None, alias=alias, in_birth=birth
    ),
    TYPED,
    st.sampled_from(NAMES),
    st.integers(0, 6) | st.none(),
    st.booleans(),
    st.booleans(),
)
MESSAGE = st.tuples(
    st.sampled_from(["NBIRTH", "DBIRTH", "NDATA", "DDATA", "DDATA", "DDATA", "DDEATH", "NDEATH"]),
    st.integers(0, 8) | st.none() | st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1) | st.just(1_800_000_000_000),
    st.lists(METRIC, max_size=6),
    st.none() | st.binary(max_size=40),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(MESSAGE, max_size=25), st.booleans())
def test_no_message_escapes_and_no_value_is_good_that_cannot_be(messages: list[Any], well_born: bool) -> None:
    asyncio.run(_talk(messages, well_born))


async def _talk(messages: list[Any], well_born: bool) -> None:
    bound = device("mqtt://127.0.0.1/G/E/D", POINTS, slots=1, protocol="sparkplug")
    clock = ManualClock()
    desk = Desk(bound)
    adapter = SparkplugAdapter(bound, clock, random.Random(1))
    report = LinkReporter(bound, desk, clock)
    births = [
        ("NBIRTH", 0, 1_800_000_000_000, [], None),
        ("DBIRTH", 1, 1_800_000_000_000, [Told(50.0, DOUBLE, name="Slot1/SoC", alias=1, in_birth=True)], None),
    ]
    for kind, seq, time_ms, metrics, raw in [*(births if well_born else []), *messages]:
        topic = f"spBv1.0/G/{kind}/E" + ("/D" if kind.startswith("D") else "")
        try:
            data = message(time_ms, seq, metrics) if raw is None else raw
        except (OverflowError, struct.error, ValueError):
            continue
        adapter._take(topic, data, clock.now(), desk, report)
        adapter._flush(desk, report)
        await clock.advance(0.1)
    limits = {point.path: point.signal for point in bound.points}
    for path, seen in desk.history:
        if seen.quality is Quality.GOOD and path != "S1/slot/01/pack_id":
            assert limits[path].minimum <= seen.value <= limits[path].maximum
    if well_born:
        assert "S1/slot/01/soc" in {path for path, _ in desk.history}
