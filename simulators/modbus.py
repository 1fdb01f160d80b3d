"""A device's face as a unit of a Modbus TCP server. Several units may share an address, as behind a gateway."""

from functools import partial

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.binding import BoundDevice, BoundPoint
from config.errors import ListenError
from simulators.encode import Item, items
from simulators.face import Shown
from simulators.listen import require_free
from simulators.registers import encode, runs, width

# Function codes that no client may use to write select the table when the emulator itself writes.
_READ_CODE = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_TABLES = ("coil", "discrete", "holding", "input")
_BIT_TABLES = ("coil", "discrete")
_WRITE_CODES = frozenset({5, 6, 15, 16, 22, 23})
_NOWHERE = 0xFFF0
ANY_UNIT = 0

Key = tuple[str, int]


class Unit:
    """The registers of one device. Those between two of its points read as zero where the hole is small."""

    def __init__(self, device: BoundDevice, station: Shown, key: str) -> None:
        self.id = device.device.unit_id
        self.key = key
        self._station = station
        self._items: list[Item[Key]] = items(device.points, _key)
        self.runs: dict[str, list[tuple[int, int]]] = {}
        for table in _TABLES:
            spans = [
                (at, at + width(item.point)) for item in self._items for at in [item.key[1]] if item.key[0] == table
            ]
            self.runs[table] = runs(spans, 0 if table in _BIT_TABLES else device.profile.max_hole)

    def images(self) -> dict[Key, list[int]]:
        """What stands in each run now, by table and first address."""
        images: dict[Key, list[int]] = {}
        for table in _TABLES:
            values: dict[int, int] = {}
            for item in self._items:
                if item.key[0] == table:
                    raw = item.raw(self._station)
                    words = [int(bool(raw))] if table in _BIT_TABLES else encode(item.point, raw)
                    values.update(enumerate(words, start=item.key[1]))
            for first, after in self.runs[table]:
                images[table, first] = [values.get(address, 0) for address in range(first, after)]
        return images

    def has_bits(self, table: str, address: int, count: int) -> bool:
        """Whether all of these bits exist."""
        return any(first <= address and address + count <= after for first, after in self.runs[table])

    def simulation(self) -> SimDevice:
        """The unit for the library's server: four tables of their own, read-only to clients."""
        data: dict[str, list[SimData]] = {table: [] for table in _TABLES}
        for (table, first), words in self.images().items():
            if table in _BIT_TABLES:
                data[table].append(SimData(first, values=[bool(word) for word in words], datatype=DataType.BITS))
            else:
                data[table].append(SimData(first, values=words, datatype=DataType.REGISTERS))
        for table in _TABLES:
            # The library wants each table to have something in it.
            kind = DataType.BITS if table in _BIT_TABLES else DataType.INVALID
            data[table] = data[table] or [SimData(0, datatype=kind, values=[False] if kind is DataType.BITS else 0)]
        return SimDevice(self.id, (data["coil"], data["discrete"], data["holding"], data["input"]), action=_read_only)


class ModbusFace:
    """All units at one address."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._units: dict[int, Unit] = {}
        self._server: ModbusTcpServer | None = None

    def add(self, unit: Unit) -> None:
        """Raises ``ListenError`` where the address has such a unit already."""
        if unit.id in self._units:
            raise ListenError(unit.key, self._host, self._port, f"two devices there have unit_id {unit.id}")
        self._units[unit.id] = unit

    async def start(self) -> None:
        key = next(iter(self._units.values())).key
        require_free(key, self._host, self._port)
        devices = [unit.simulation() for unit in self._units.values()]
        if ANY_UNIT not in self._units:
            everywhere = SimData(0, count=0x10000, datatype=DataType.REGISTERS)
            devices.append(SimDevice(ANY_UNIT, everywhere, action=_no_such_unit))
        server = ModbusTcpServer(devices, address=(self._host, self._port), trace_pdu=self._guard)
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise ListenError(key, self._host, self._port, "the address was taken meanwhile") from error
        self._server = server

    async def publish(self) -> None:
        """Write all registers of all units."""
        if self._server is None:
            return
        for unit in self._units.values():
            for (table, first), words in unit.images().items():
                values = [bool(word) for word in words] if table in _BIT_TABLES else words
                await self._server.async_setValues(unit.id, _READ_CODE[table], first, values)

    async def stop(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        await server.shutdown()  # type: ignore[no-untyped-call]

    def _guard(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        """The library keeps bits in sixteens and would answer for those that do not exist: ask it for none."""
        if not sending and pdu.function_code in {1, 2}:
            unit = self._units.get(pdu.dev_id) or self._units.get(ANY_UNIT)
            table = _BIT_TABLES[pdu.function_code - 1]
            if unit is not None and not unit.has_bits(table, pdu.address, pdu.count):
                pdu.address = _NOWHERE
        return pdu


async def _answer(
    refused: frozenset[int] | None,
    code: ExcCodes,
    function_code: int,
    start: int,
    address: int,
    count: int,
    registers: list[int],
    values: list[int] | list[bool] | None,
) -> ExcCodes | None:
    return code if refused is None or function_code in refused else None


_read_only = partial(_answer, _WRITE_CODES, ExcCodes.ILLEGAL_FUNCTION)
_no_such_unit = partial(_answer, None, ExcCodes.GATEWAY_NO_RESPONSE)


def _key(bound: BoundPoint) -> Key:
    return bound.point.table, int(bound.address)
