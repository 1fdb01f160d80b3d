"""Bundled Modbus profiles bound to a station, and emulated registers read by the adapter's own code, without a wire."""

import asyncio
import struct
from collections.abc import Sequence

from adapters.convert import Converter
from adapters.modbus_decode import Answer, Poll
from adapters.modbus_plan import plan
from adapters.sunspec import find
from config.binding import BoundDevice, bind
from config.loader import BUNDLED, load_profile
from config.profile import Profile
from config.site import Site
from simulators.unit import Unit
from twin.signals import Quality, Reason

MODBUS_PROFILES = tuple(
    file.stem for file in sorted((BUNDLED / "profiles").glob("*.yaml")) if load_profile(file).protocol == "modbus"
)
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}

Seen = tuple[float | str, Quality, Reason]


def bound_to(profile: Profile, slots: int = 3) -> BoundDevice:
    """A device of this type that serves all slots of a station ``S1``."""
    station = {
        "id": "S1",
        "name": "One",
        "latitude": 26.8,
        "longitude": 80.9,
        "slots": slots,
        "grid_limit_w": 9000.0,
        "devices": [{"id": "d", "profile": "p", "url": "modbus://127.0.0.1:502"}],
    }
    site = Site.model_validate({"site": "test", "name": "Test", "stations": [station]})
    return bind(site, {"p": profile})[0]


def bundled(name: str, slots: int = 3) -> BoundDevice:
    return bound_to(load_profile(BUNDLED / "profiles" / f"{name}.yaml"), slots)


def located(device: BoundDevice, unit: Unit) -> BoundDevice:
    """The device with the addresses that its SunSpec points have in the emulator."""

    async def read(number: int, address: int, count: int) -> Sequence[int] | None:
        answer = unit.read(number, 3, address, count)
        return answer if isinstance(answer, list) else None

    found = asyncio.run(find(device, read))
    assert not found.missing
    return found.device


def wire(words: Sequence[int]) -> bytes:
    """Registers as they stand in a reply."""
    return b"".join(word.to_bytes(2, "big") for word in words)


def read_all(device: BoundDevice, unit: Unit) -> dict[tuple[str, int | None], Seen]:
    """What the adapter makes of the emulator's registers, by signal and slot; texts as such."""
    seen: dict[tuple[str, int | None], Seen] = {}
    texts: list[str] = []

    def intern(text: str) -> int:
        texts.append(text)
        return len(texts) - 1

    converter = Converter(device.points)
    for group in plan(device):
        answers: list[Answer | None] = []
        for request in group.requests:
            answer = unit.read(request.unit, FUNCTIONS[request.table], request.address, request.count)
            answers.append(
                struct.pack(f">{len(answer)}H", *map(int, answer))
                if isinstance(answer, list)
                else Reason.NO_COMMUNICATION
            )
        samples, _ = Poll(group.requests, device.points, converter).samples(answers, [0.0] * len(answers), intern)
        for row, value, quality, reason in zip(
            samples.rows, samples.values, samples.qualities, samples.reasons, strict=True
        ):
            bound = device.points[row]
            is_text = bound.point.signal == "pack_id" and quality == Quality.GOOD
            shown = texts[int(value)] if is_text else float(value)
            seen[bound.point.signal, bound.slot] = shown, Quality(int(quality)), Reason(int(reason))
    return seen
