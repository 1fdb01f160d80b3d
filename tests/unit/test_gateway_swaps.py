"""The swap log: what is known of the packs of each swap, and that it is on disk before it is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.hub import Hub
from gateway.swap_log import LATEST, SwapLog
from tests.support.site_image import Telemetry
from twin.live import LiveTwin
from twin.observation import Estimate

Json = Any


class Bench:
    def __init__(self) -> None:
        self.telemetry = Telemetry("S003")
        self.hub = Hub(self.telemetry.clock)
        self.kept: list[list[Json]] = []
        self.log = SwapLog(self.telemetry.image, self.telemetry.layouts, self.hub, self.keep)
        twin = LiveTwin(self.telemetry.layout.station.spec(), self.telemetry.clock.now())
        self.estimate: Estimate = twin.estimate()
        self.telemetry.say_all_well()
        self.step()

    async def keep(self, swaps: Sequence[Json]) -> None:
        self.kept.append(list(swaps))

    def step(self, swaps: int = 0) -> None:
        """The twin was stepped, and has counted so many more."""
        before = self.estimate
        self.estimate = replace(before, time=self.telemetry.clock.now(), swaps=before.swaps + swaps)
        self.log.stepped("S003", self.estimate, before)

    async def told(self) -> dict[str, Json]:
        running = asyncio.ensure_future(self.log.run())
        await self.telemetry.clock.advance(1.0)
        running.cancel()
        await asyncio.wait([running])
        return self.hub.snapshot("swaps")

    def leave(self, slot: int) -> None:
        self.telemetry.say({("occupied", slot): 0.0})

    def bring(self, slot: int, pack: str, soc: float) -> None:
        number = float(self.telemetry.sink.intern(pack))
        self.telemetry.say({("occupied", slot): 1.0, ("soc", slot): soc, ("pack_id", slot): number})


async def test_a_swap_names_both_packs_and_their_charge() -> None:
    bench = Bench()
    bench.bring(12, "EMPTY-1", 0.2)
    bench.step()
    bench.leave(3)
    bench.step(swaps=1)
    [swap] = (await bench.told()).values()
    assert swap == {
        "time": bench.estimate.time,
        "station": "S003",
        "kind": "swap",
        "slot": 3,
        "pack_out": "PACK-3",
        "pack_in": "EMPTY-1",
        "soc_out": 0.98,
        "soc_in": 0.2,
    }
    assert bench.kept == [[swap | {"number": 1}]]


async def test_a_pack_that_comes_later_is_filled_in() -> None:
    bench = Bench()
    bench.leave(3)
    bench.step(swaps=1)
    assert (await bench.told())["1"]["pack_in"] is None
    await bench.telemetry.clock.advance(20.0)
    bench.bring(3, "EMPTY-1", 0.3)
    bench.step()
    swap = (await bench.told())["1"]
    assert (swap["pack_out"], swap["pack_in"], swap["soc_in"]) == ("PACK-3", "EMPTY-1", 0.3)
    assert bench.hub.event("swaps") == 1, "what was told once is no second event"
    assert bench.kept[-1] == [swap | {"number": 1}]


async def test_a_pack_exchanged_in_its_slot_unseen() -> None:
    bench = Bench()
    bench.bring(5, "OTHER", 0.25)
    bench.step(swaps=1)
    [swap] = (await bench.told()).values()
    assert (swap["slot"], swap["pack_out"], swap["pack_in"]) == (5, "PACK-5", "OTHER")


async def test_a_pack_that_left_long_ago_belongs_to_no_swap() -> None:
    bench = Bench()
    bench.leave(3)
    bench.step()
    await bench.telemetry.clock.advance(3600.0)
    bench.telemetry.say_all_well(empty=1)
    bench.leave(3)
    bench.step(swaps=1)
    [swap] = (await bench.told()).values()
    assert (swap["slot"], swap["pack_out"], swap["pack_in"]) == (None, None, None)


async def test_only_the_latest_are_state_and_numbers_go_on_after_a_restart() -> None:
    bench = Bench()
    for _ in range(LATEST + 20):
        bench.step(swaps=1)
    told = await bench.told()
    assert len(told) == LATEST
    assert list(told)[-1] == str(LATEST + 20)
    lines = [swap for kept in bench.kept for swap in kept][::-1]

    again = Bench()
    again.log.restore(lines[:LATEST], LATEST + 20)
    assert again.hub.snapshot("swaps") == told
    again.step(swaps=1)
    assert str(LATEST + 21) in await again.told()
