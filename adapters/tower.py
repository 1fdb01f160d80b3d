"""Tower cabinets: JSON over TCP. The cabinet connects to the gateway, logs in, and reports in full and by change.

The device's address is the one that the gateway listens on; devices that share it are told apart by ``dev_id``.
"""

import asyncio
import contextlib
import errno
import math
import random
from collections.abc import Mapping

import numpy as np
import structlog

from adapters.backoff import Backoff
from adapters.base import Sink, WriteError
from adapters.convert import Converter
from adapters.link import CONNECT_TIMEOUT_S, LinkReporter, explain
from adapters.tower_frames import FrameError, Key, Kind, Message, Report, as_number, control, parse, report
from adapters.tower_listen import Connection, Seat, seat_at
from adapters.tower_points import TowerPoints
from adapters.watchdog import Standstill
from config.binding import BoundDevice, BoundPoint
from config.clock import Clock, wall_period_s
from config.tower_checks import TOWER_ALARM
from twin.signals import Quality

_log = structlog.get_logger()

CHECK_S = 0.25
"""Wall seconds after which silence is looked for although nothing came."""
SILENT_INTERVALS = 3
SHORTEST_SILENCE_S = 2.0
ALARMS = 256
"""Alarms of a cabinet that are told apart, so that each is logged once when it starts and once when it ends."""

COMMANDS: Mapping[tuple[str, float], str] = {
    ("enabled", 0.0): "06",
    ("enabled", 1.0): "07",
    ("door_open", 1.0): "04",
}
"""What the protocol calls the writing of a value to a slot's signal."""

_GOOD = int(Quality.GOOD)


class TowerAdapter:
    """Serves one cabinet. Its reports bring the link up, never its login alone."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        self._device = device
        self._clock = clock
        self._profile = device.profile
        self._converter = Converter(device.points)
        self._standstill = Standstill(device, clock)
        self._backoff = Backoff(clock, rng)
        self._points = TowerPoints(device)
        interval_s = max(wall_period_s(clock, bound.interval_s) for bound in device.points)
        self._silence_s = max(SILENT_INTERVALS * interval_s, self._profile.timeout_s, SHORTEST_SILENCE_S)
        self._where = f"{device.device.host}:{device.device.port}"
        self._who = f"cabinet {device.device.dev_id!r}" if device.device.dev_id else "a cabinet"
        self._stamped = self._profile.time_field is not None
        self._alarms: dict[Key, None] = {}
        self._unreadable = False
        self._connection: Connection | None = None

    async def run(self, sink: Sink) -> None:
        """Listen, serve each login of the cabinet, and listen again when the address could not be had."""
        link = LinkReporter(self._device, sink, self._clock)
        device = self._device.device
        while True:
            try:
                async with seat_at(device.host, device.port, device.dev_id, self._clock) as seat:
                    self._backoff.reset()
                    sink.link.detail = f"listening at {self._where}; {self._who} has not logged in yet"
                    while True:
                        connection = await self._login(seat, sink, link)
                        try:
                            detail = await self._serve(connection, sink, link)
                        finally:
                            self._ended(connection)
                            seat.free()
                        if not connection.replaced:
                            link.down(detail)
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                why = f"{self._where} is taken" if taken else explain(error, device.host, device.port)
                link.down(f"cannot listen: {why}")
            await self._backoff.wait()

    async def _login(self, seat: Seat, sink: Sink, link: LinkReporter) -> Connection:
        """Wait for the cabinet; a link that waits too long is down."""
        counted = 0
        since = self._clock.monotonic()
        waiting = asyncio.ensure_future(seat.connection())
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with self._clock.timeout(CHECK_S):
                        return await asyncio.shield(waiting)
                sink.link.note_error("refused", seat.errors - counted)
                counted = seat.errors
                late = self._clock.monotonic() - since > CONNECT_TIMEOUT_S and not link.is_away
                if late or seat.refusal:
                    refused = f"; refused: {seat.refusal}" if seat.refusal else ""
                    link.down(f"listening at {self._where}, but {self._who} has not logged in{refused}")
        finally:
            waiting.cancel()

    async def _serve(self, connection: Connection, sink: Sink, link: LinkReporter) -> str:
        """Take what a logged-in cabinet says; returns why that is over."""
        who = f"cabinet {connection.dev_id!r} at {connection.peer}"
        if not link.is_up:
            sink.link.detail = f"{who} has logged in; no report yet"
        self._connection = connection
        self._standstill.begin()
        heard_at = self._clock.monotonic()
        try:
            while True:
                payloads: list[bytes] | None = []
                with contextlib.suppress(TimeoutError):
                    async with self._clock.timeout(CHECK_S):
                        payloads = await connection.receive()
                if payloads is None:
                    return f"{who} closed the connection"
                for payload in payloads:
                    if self._take(payload, connection, sink, link):
                        heard_at = self._clock.monotonic()
                frozen = self._standstill.check()
                if frozen:
                    link.down(frozen)
                silence_s = self._clock.monotonic() - heard_at
                if silence_s > self._silence_s:
                    # The cabinet will notice and log in again; a half-open connection never would.
                    return f"{who} is connected, but no report for {silence_s:.1f} s"
        except FrameError as error:
            sink.link.note_error("unreadable")
            return f"{who} sent what is no frame: {error}"
        except ConnectionError as error:
            return f"the connection of {who} broke: {error}"

    def _take(self, payload: bytes, connection: Connection, sink: Sink, link: LinkReporter) -> bool:
        """Take and answer one message; true if it brings data. Raises ``ConnectionError``."""
        try:
            message = parse(payload)
        except ValueError as error:
            self._complain(str(error), sink)
            return False
        if message.kind is Kind.CONTROL_REPLY:
            self._replied(message)
            return False
        try:
            said = self._said(message, connection)
        except ValueError as error:
            connection.send(message.answer(False))
            self._complain(str(error), sink)
            return False
        if message.is_request:
            connection.send(message.answer(True))
        if said is None:
            return False
        if said.unreadable:
            self._complain(f"{said.unreadable} entries without an id", sink)
        elif self._unreadable:
            self._unreadable = False
            _log.info("messages readable again", device=self._device.id)
        if message.kind is Kind.ALARM:
            self._note_alarms(said.values)
        self._hand_over(message, said, connection, sink, link)
        return True

    def _said(self, message: Message, connection: Connection) -> Report | None:
        """What a message says of attributes, ``None`` if it is of another kind. Raises ``ValueError``."""
        if message.dev_id not in {"", connection.dev_id}:
            raise ValueError(f"devId {message.dev_id!r} on the connection of {connection.dev_id!r}")
        return report(message) if message.kind in {Kind.REPORT, Kind.ALARM} else None

    def _hand_over(
        self, message: Message, said: Report, connection: Connection, sink: Sink, link: LinkReporter
    ) -> None:
        raws = self._points.read(said)
        now = self._clock.now()
        time = message.time if self._stamped else math.nan
        time = now if math.isnan(time) else time
        samples = self._converter.objects(list(raws), list(raws.values()), sink.intern)
        batch = self._converter.batch(samples, np.full(len(raws), time), now)
        self._standstill.see(batch)
        if self._standstill.tripped:
            return
        link.up(f"cabinet {connection.dev_id!r} reports from {connection.peer}")
        sink.link.last_data_time = now
        if raws:
            sink.push(batch)
        if message.kind is Kind.REPORT:
            # What a report does not name is as it was when the report was made.
            sink.confirm(min(time, now))
        self._seen(dict(zip(raws, samples.values.tolist(), strict=True)))

    def _note_alarms(self, values: Mapping[Key, object]) -> None:
        for key, flag in values.items():
            name, door = key[0].removeprefix(TOWER_ALARM), key[1]
            if as_number(flag) == 0:
                if key in self._alarms:
                    del self._alarms[key]
                    _log.info("cabinet alarm over", device=self._device.id, alarm=name, door=door)
            elif key not in self._alarms and len(self._alarms) < ALARMS:
                self._alarms[key] = None
                _log.warning("cabinet alarm", device=self._device.id, alarm=name, door=door)

    def _complain(self, words: str, sink: Sink) -> None:
        """Count a message that cannot be read; say it once until they can be again."""
        sink.link.note_error("unreadable")
        if not self._unreadable:
            self._unreadable = True
            _log.warning("message unreadable", device=self._device.id, error=words)

    def _replied(self, message: Message) -> None:
        """A cabinet answered a command."""

    def _seen(self, values: Mapping[int, float]) -> None:
        """A report was taken: these rows have these values now, NaN where bad."""

    def _ended(self, connection: Connection) -> None:
        """A connection is over."""
        self._connection = None


class WritableTowerAdapter(TowerAdapter):
    """Puts slots in and out of service, and opens doors, where the profile allows it."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        super().__init__(device, clock, rng)
        self._row_of = {bound.number: row for row, bound in enumerate(device.points)}
        self._turn = asyncio.Lock()
        self._txn = 0
        self._reply: asyncio.Future[bool] | None = None
        self._held: dict[int, float] = {}
        self._report = asyncio.Event()

    async def write(self, number: int, value: float) -> float:
        """See ``adapters.base.Writable``. The cabinet must agree, and a report after the command show the value."""
        row = self._row_of.get(number)
        if row is None:
            raise WriteError(f"{self._device.id} has no point {number}")
        bound = self._device.points[row]
        command = _command(bound, value)
        async with self._turn:
            connection = self._connection
            if connection is None:
                raise WriteError(f"{self._device.id} is away")
            started = self._clock.monotonic()
            await self._command(connection, command, self._points.keys[row][1] or "")
            return await self._read_back(connection, row, value, started)

    async def _command(self, connection: Connection, command: str, door: str) -> None:
        self._txn = max(self._txn + 1, int(self._clock.now() * 1000.0))
        self._reply = asyncio.get_running_loop().create_future()
        self._report.clear()
        try:
            connection.send(control(connection.dev_id, self._txn, command, door))
            async with self._clock.timeout(self._profile.timeout_s):
                accepted = await self._reply
        except TimeoutError as error:
            raise WriteError(f"{self._device.id} did not answer within {self._profile.timeout_s:g} s") from error
        except OSError as error:
            raise WriteError(f"{self._device.id}: {error}") from error
        finally:
            self._reply = None
        if not accepted:
            raise WriteError(f"{self._device.id} refused command {command} for door {door}")

    async def _read_back(self, connection: Connection, row: int, value: float, started: float) -> float:
        limit_s = self._silence_s + self._profile.timeout_s
        try:
            async with self._clock.timeout(max(limit_s - (self._clock.monotonic() - started), 0.0)):
                while True:
                    await self._report.wait()
                    self._report.clear()
                    if self._connection is not connection:
                        raise WriteError(f"{self._device.id} went away before it showed what was written")
                    if self._held.get(row) == value:
                        return value
        except TimeoutError as error:
            shown = self._held.get(row, math.nan)
            path = self._device.points[row].path
            raise WriteError(f"{path} shows {shown:g} {limit_s:.1f} s after {value:g} was written") from error

    def _replied(self, message: Message) -> None:
        if self._reply is not None and not self._reply.done() and as_number(message.txn) == self._txn:
            self._reply.set_result(message.accepted)

    def _seen(self, values: Mapping[int, float]) -> None:
        self._held.update(values)
        self._report.set()

    def _ended(self, connection: Connection) -> None:
        super()._ended(connection)
        self._held.clear()
        self._report.set()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ConnectionError("the connection broke before the cabinet answered"))


def _command(bound: BoundPoint, value: float) -> str:
    """The command that writes a value to a point. Raises ``WriteError`` where the profile or the protocol has none."""
    allowed = bound.point.write
    if allowed is None or bound.point.access != "rw" or bound.slot is None:
        raise WriteError(f"{bound.path} may not be written: its profile has no 'write' for it")
    if not allowed.minimum <= value <= allowed.maximum:
        raise WriteError(f"{bound.path} takes {allowed.minimum:g} to {allowed.maximum:g}, not {value:g}")
    command = COMMANDS.get((bound.point.signal, value))
    if command is None:
        raise WriteError(f"the protocol has no command that sets {bound.path} to {value:g}")
    return command
