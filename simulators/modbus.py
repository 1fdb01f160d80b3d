"""A device's face as units of a Modbus TCP server. Several units may share an address, as behind a gateway."""

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.errors import ListenError
from simulators.listen import require_free
from simulators.unit import BIT_TABLES, READS, WRITES, Unit

__all__ = ["ModbusFace", "Unit"]

ANY_UNIT = 0


class Units:
    """All units at one address, as the library's server asks for their registers."""

    def __init__(self) -> None:
        self.by_id: dict[int, Unit] = {}
        self._written: list[int] | list[bool] = []

    async def async_getValues(  # noqa: N802 - the library's name
        self, device_id: int, func_code: int, address: int, count: int = 1
    ) -> list[int] | list[bool] | ExcCodes:
        """Values of a table. After a single write the library asks for what it is to repeat."""
        if func_code in {5, 6}:
            return self._written
        if func_code not in READS:
            return ExcCodes.ILLEGAL_FUNCTION
        number, unit = self._find(device_id)
        if unit is None:
            return ExcCodes.GATEWAY_NO_RESPONSE
        values = unit.read(number, func_code, address, count)
        if isinstance(values, ExcCodes) or READS[func_code] not in BIT_TABLES:
            return values
        return [bool(value) for value in values]

    async def async_setValues(  # noqa: N802 - the library's name
        self, device_id: int, func_code: int, address: int, values: list[int] | list[bool]
    ) -> ExcCodes | None:
        """What a client writes."""
        if func_code not in WRITES:
            return ExcCodes.ILLEGAL_FUNCTION
        number, unit = self._find(device_id)
        if unit is None:
            return ExcCodes.GATEWAY_NO_RESPONSE
        self._written = values
        return unit.write(number, func_code, address, [int(value) for value in values])

    def device_ids(self) -> list[int]:
        """All units."""
        return list(self.by_id)

    def _find(self, device_id: int) -> tuple[int, Unit | None]:
        """The unit that answers, and by which of its numbers it knows itself."""
        number = device_id if device_id in self.by_id else ANY_UNIT
        return number, self.by_id.get(number)


class ModbusFace:
    """All units at one address."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._units = Units()
        self._server: ModbusTcpServer | None = None

    def add(self, unit: Unit) -> None:
        """Raises ``ListenError`` where the address has such a unit already."""
        for number in unit.ids:
            if number in self._units.by_id:
                raise ListenError(unit.key, self._host, self._port, f"two devices there have unit_id {number}")
            self._units.by_id[number] = unit

    async def start(self) -> None:
        key = next(iter(self._units.by_id.values())).key
        require_free(key, self._host, self._port)
        # The library's own registers know no device's quirks: the server is started with none and given ours.
        nothing = SimDevice(ANY_UNIT, SimData(0, count=1, datatype=DataType.REGISTERS))
        server = ModbusTcpServer(nothing, address=(self._host, self._port))
        server.context = self._units  # type: ignore[assignment]
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise ListenError(key, self._host, self._port, "the address was taken meanwhile") from error
        self._server = server

    async def publish(self) -> None:
        """Write all registers of all units."""
        if self._server is None:
            return
        for unit in dict.fromkeys(self._units.by_id.values()):
            unit.refresh()

    async def stop(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        await server.shutdown()  # type: ignore[no-untyped-call]
