"""SunSpec: finds a device's chain of models, and gives points that lie in models their addresses. Pure."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from config.binding import BoundDevice, BoundPoint

MARK = (0x5375, 0x6E53)
"""``SunS``: where it stands the chain of models begins."""
END = 0xFFFF
"""The id that ends the chain."""
MAXIMUM_MODELS = 250
LAST_REGISTER = 65_535

Read = Callable[[int, int], Awaitable[Sequence[int] | None]]
"""Reads ``count`` holding registers from a zero-based address; ``None`` where the device refuses to."""


class ChainError(Exception):
    """The device has no chain of models, or a broken one; the text says where and how."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model in the chain: the address of its ID register, and its length without ID and length registers."""

    id: int
    address: int
    length: int

    @property
    def stop(self) -> int:
        """The register behind it."""
        return self.address + 2 + self.length


Chain = tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """A device whose points have real addresses, and the points that it turned out not to have, with the reasons."""

    device: BoundDevice
    missing: tuple[tuple[BoundPoint, str], ...]


async def discover(read: Read, bases: Sequence[int] = (40_000, 0, 50_000)) -> Chain:
    """Walk the chain of models of one unit, from the first of ``bases`` where the mark stands.

    Two registers are read a model, at most ``MAXIMUM_MODELS`` times. Raises ``ChainError``; what ``read`` raises is
    passed on.
    """
    for base in bases:
        mark = await read(base, 2)
        if mark is not None and tuple(mark[:2]) == MARK:
            return await _walk(read, base + 2)
    places = ", ".join(map(str, bases))
    raise ChainError(f"no SunSpec mark ('SunS') at {places}; if it stands elsewhere, say so under sunspec_bases")


async def _walk(read: Read, start: int) -> Chain:
    chain: list[Model] = []
    address = start
    while len(chain) < MAXIMUM_MODELS:
        header = await _header(read, address)
        behind = f" behind model {chain[-1].id}" if chain else ""
        if header is None:
            raise ChainError(f"SunSpec chain breaks off at {address}{behind}: the device does not serve it")
        number, length = header
        if number == END:
            return tuple(chain)
        if number == 0:
            raise ChainError(f"SunSpec chain breaks off at {address}{behind}: no model has the id 0")
        model = Model(number, address, length)
        if model.stop > LAST_REGISTER:
            raise ChainError(f"SunSpec model {number} at {address} would end at {model.stop}, outside the addresses")
        chain.append(model)
        address = model.stop
    raise ChainError(f"SunSpec chain has no end within {MAXIMUM_MODELS} models")


async def _header(read: Read, address: int) -> tuple[int, int] | None:
    """Id and length of the model at an address."""
    if address < LAST_REGISTER:
        header = await read(address, 2)
        if header is not None and len(header) >= 2:
            return header[0], header[1]
    # Some devices end their registers with the end mark itself, without a length.
    alone = await read(address, 1)
    return (END, 0) if alone is not None and tuple(alone[:1]) == (END,) else None


UnitRead = Callable[[int, int, int], Awaitable[Sequence[int] | None]]
"""Reads from a unit: unit, zero-based address, count."""


async def find(device: BoundDevice, read: UnitRead) -> Located:
    """Discover the chains of all units of a device and locate its points. A unit without a chain has no such points.

    What ``read`` raises is passed on.
    """
    chains: dict[int, Chain] = {}
    why: dict[int, str] = {}
    for unit in units(device):
        try:
            chains[unit] = await discover(partial(read, unit), device.profile.sunspec_bases)
        except ChainError as error:
            why[unit] = str(error)
    located = locate(device, chains)
    missing = tuple((bound, why.get(bound.unit_id, words)) for bound, words in located.missing)
    return Located(located.device, missing)


def units(device: BoundDevice) -> tuple[int, ...]:
    """The units of a device whose chains must be known before its points can be read; none for most devices."""
    return tuple(sorted({bound.unit_id for bound in device.points if bound.model is not None}))


def locate(device: BoundDevice, chains: Mapping[int, Chain]) -> Located:
    """The device with the addresses that its points have in the chains of its units.

    Its points keep their numbers and their order; those that the device has not are left out and named in ``missing``.
    """
    found: list[BoundPoint] = []
    missing: list[tuple[BoundPoint, str]] = []
    for bound in device.points:
        if bound.model is None:
            found.append(bound)
            continue
        models = [model for model in chains.get(bound.unit_id, ()) if model.id == bound.model]
        if bound.instance >= len(models):
            missing.append((bound, _absent(bound, len(models))))
            continue
        model = models[bound.instance]
        beyond = [last for last in _ends(bound) if last > model.stop - model.address]
        if beyond:
            words = f"SunSpec model {model.id} at {model.address} has {model.length} registers and ends before it"
            missing.append((bound, words))
            continue
        found.append(_moved(bound, model.address))
    return Located(replace(device, points=tuple(found)), tuple(missing))


def _absent(bound: BoundPoint, count: int) -> str:
    if not count:
        return f"unit {bound.unit_id} has no SunSpec model {bound.model}"
    return f"unit {bound.unit_id} has {count} of SunSpec model {bound.model}, not {bound.instance + 1}"


def _ends(bound: BoundPoint) -> Iterator[int]:
    """The offsets behind all that belongs to a point."""
    yield int(bound.address) + bound.point.register_count
    if bound.scale_address is not None:
        yield bound.scale_address + 1
    if bound.write_address is not None:
        yield bound.write_address + 1


def _moved(bound: BoundPoint, base: int) -> BoundPoint:
    return replace(
        bound,
        address=int(bound.address) + base,
        scale_address=None if bound.scale_address is None else bound.scale_address + base,
        write_address=None if bound.write_address is None else bound.write_address + base,
        model=None,
    )
