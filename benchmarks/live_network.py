"""A network as the gateway publishes it, served to browsers: every station and slot changes once a second."""

import asyncio
import math
import random
from typing import Any

from benchmarks.processes import Control
from benchmarks.served import served
from config.clock import RealClock
from gateway.history import History
from gateway.hub import Hub

SLICES_HZ = 20.0
"""The stations' changes come spread over the second, as devices are not read in step."""
FORECAST_S = 30.0
STATES = ("charging", "full", "charging", "idle", "cooling", "charging")
HORIZONS = {"900": 0.3, "1800": 0.6, "3600": 1.0, "7200": 1.4}
AROUND = (26.85, 80.95)

Fields = dict[str, Any]


class Network:
    """Fields of ``stations`` stations of ``slots`` slots, published to a hub."""

    def __init__(self, hub: Hub, stations: int, slots: int, now: float) -> None:
        self._hub, self._slots = hub, slots
        self._random = random.Random(1)
        self._risk = [self._random.betavariate(0.4, 2.5) for _ in range(stations)]
        self._place = [(self._random.gauss(0.0, 0.1), self._random.gauss(0.0, 0.12)) for _ in range(stations)]
        self._forecast_at = [now - self._random.random() * FORECAST_S for _ in range(stations)]
        self.publish(range(stations), now)
        devices = {f"{_id(number)}/cabinet": _device(number, now) for number in range(stations)}
        hub.publish("devices", devices)

    def publish(self, numbers: range, now: float) -> None:
        """All that a second changes at these stations."""
        summaries = {}
        for number in numbers:
            if now - self._forecast_at[number] >= FORECAST_S:
                self._forecast_at[number] = now
                self._risk[number] = min(1.0, max(0.0, self._risk[number] + self._random.gauss(0.0, 0.03)))
            self._hub.publish(f"forecast/{_id(number)}", {"forecast": self._forecast(number)})
            summary = self._summary(number, now)
            slots = {f"slot/{slot:02d}": self._slot(number, slot, now) for slot in range(1, self._slots + 1)}
            self._hub.publish(f"station/{_id(number)}", {"station": summary} | slots)
            summaries[_id(number)] = summary
        self._hub.publish("stations", summaries)

    def _probabilities(self, number: int) -> dict[str, float]:
        return {horizon: round(min(1.0, self._risk[number] * share), 4) for horizon, share in HORIZONS.items()}

    def _summary(self, number: int, now: float) -> Fields:
        ready = self._random.randrange(self._slots + 1)
        north, east = self._place[number]
        return {
            "id": _id(number),
            "name": f"Station {number + 1}",
            "latitude": AROUND[0] + north,
            "longitude": AROUND[1] + east,
            "quality": "good",
            "reason": None,
            "data_time": now,
            "data_age_s": 0.0,
            "slots": self._slots,
            "bays": 1,
            "occupied": self._slots - 1,
            "ready": ready,
            "ready_quality": "good",
            "ready_reason": None,
            "charging": self._slots - ready,
            "faulted": 0,
            "power_w": 9000.0 + self._random.random() * 3000.0,
            "power_quality": "good",
            "grid_limit_w": 15_000.0,
            "swaps_today": 40 + int(now) % 100,
            "lost_today": 1.0,
            "stockout_probability": self._probabilities(number),
            "forecast_time": self._forecast_at[number],
            "protocols": ["opcua"],
            "drifts": [],
        }

    def _slot(self, number: int, slot: int, now: float) -> Fields:
        soc = 0.5 + 0.49 * math.sin(now / 600.0 + number + slot)
        state = STATES[(number + slot) % len(STATES)]
        return {
            "slot": slot,
            "quality": "good",
            "reason": None,
            "source_time": now,
            "data_time": now,
            "occupied": True,
            "enabled": True,
            "door_open": False,
            "locked": True,
            "pack_id": f"PK-{number:03d}{slot:02d}7A",
            "soc": soc,
            "soh": 0.94,
            "temperature_c": 25.0 + self._random.random() * 5.0,
            "cycle_count": 210,
            "capacity_wh": 1480.0,
            "charger_state": state,
            "power_w": 1450.0 + self._random.random() * 50.0 if state == "charging" else 0.0,
            "voltage_v": 52.0 + self._random.random(),
            "current_a": 27.0 + self._random.random(),
            "ready": soc >= 0.9,
            "not_good": {},
            "twin": {"soc": soc, "temperature_c": 25.0, "quality": "good", "reason": None, "drift": []},
        }

    def _forecast(self, number: int) -> Fields:
        made = self._forecast_at[number]
        steps = range(121)
        middle = [max(0.0, self._slots * 0.6 - 0.04 * step) for step in steps]

        def band(width: float) -> list[int]:
            near = [m + width * math.sqrt(step / 120) for step, m in zip(steps, middle, strict=True)]
            return [round(max(0.0, min(float(self._slots), value))) for value in near]

        return {
            "station": _id(number),
            "generated_at": made,
            "valid_until": made + 7200.0,
            "model": "ensemble/learned-demand",
            "replicas": 500,
            "seed": 1,
            "quality": "good",
            "reason": None,
            "data_age_s": 0.4,
            "stockout_probability": self._probabilities(number),
            "lost_swaps": {"900": 0.0, "1800": 0.2, "3600": 1.1, "7200": 3.4},
            "time_to_stockout_s": {"p10": 1900.0, "p50": 4600.0, "p90": None},
            "ready": {"t": [made + 60.0 * step for step in steps]}
            | {"p05": band(-3.2), "p25": band(-1.3), "p50": band(0.0), "p75": band(1.3), "p95": band(3.2)},
            "eta": [{"slot": 1, "ready_s": 728.0, "full_s": 2400.0}],
            "drivers": {"demand": 0.31, "charging": 0.22, "faults": 0.0},
            "advice": None,
        }


def _id(number: int) -> str:
    return f"S{number + 1:03d}"


def _device(number: int, now: float) -> Fields:
    return {
        "id": f"{_id(number)}/cabinet",
        "station": _id(number),
        "protocol": "opcua",
        "state": "connected",
        "quality": "good",
        "data_time": now,
    }


async def serve(control: Control, stations: int, slots: int) -> None:
    """Serve app, stream and network until the process ends; says its port."""
    clock = RealClock()
    hub = Hub(clock)
    network = Network(hub, stations, slots, clock.now())
    server = (await served(hub, clock, history=_history, health=_health, web_app=True)).server
    control.say(server.url)

    async def pace() -> None:
        due, step = clock.monotonic(), 0
        share = math.ceil(stations / SLICES_HZ)
        while True:
            first = step * share % stations
            network.publish(range(first, min(stations, first + share)), clock.now())
            step, due = step + 1, due + 1.0 / SLICES_HZ
            await clock.sleep(max(0.0, due - clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run())
        tasks.create_task(pace())


def _health() -> Fields:
    return {
        "status": "ok",
        "version": "benchmark",
        "site": "benchmark",
        "name": "Benchmark",
        "timezone": "Asia/Kolkata",
        "speed": 1.0,
        "emulated": True,
    }


async def _history(path: str, start: float, end: float, buckets: int) -> History:
    times = [end - 3600.0 + 12.0 * step for step in range(300)]
    values: list[float | None] = [5.0 + step // 40 * 5 % 4 for step in range(300)]
    return History(times, values, values, values, values, ["good"] * 300)
