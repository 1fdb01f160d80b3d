"""A device's face as a tower cabinet: it connects to the gateway, logs in, reports, and does what it is told.

One maker's cabinets put the length before each message and write all values as text; the other's end each with a line
feed, number their messages differently, and write numbers as numbers. ``framing`` of the profile says which it is.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import structlog

from config.binding import BoundDevice, BoundPoint
from simulators.encode import Item, items
from simulators.face import Shown
from simulators.station import Value
from twin.signals import Kind

FULL_S = 60.0
"""Site seconds between two full reports."""
CONNECT_S = 5.0
"""Wall seconds that connecting may take."""
PAUSE = 3
"""Steps between two attempts."""
LARGEST = 65_536
UNSENT = 262_144
"""Bytes that may wait for a gateway that does not read; then the connection is given up."""
DIGITS = 3
COMMAND = "02301001"
ALARM = "alarm:"

log = structlog.get_logger()

Key = tuple[str, str]


class TowerFace:
    """Reports in full after its login and now and then, and else what has changed: analog values once an interval."""

    def __init__(self, device: BoundDevice, station: Shown) -> None:
        self._device = device
        self._station = station
        self._dev_id = device.device.dev_id or f"{device.station.id}-{device.device.id}"
        self._lines = device.profile.framing == "newline"
        self._interval_s = min(point.interval_s for point in device.points)
        self._doors = {slot: str(at) for at, slot in enumerate(device.station.slots_of(device.device), start=1)}
        self._items: list[Item[Key]] = items(device.points, self._key)
        self._slot_of = {self._door(bound).lstrip("0"): bound.slot for bound in device.points if bound.slot is not None}
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._pause = 0
        self._txn = 0
        self._logged_in = self._refused = False
        self._sent: dict[Key, object] = {}
        self._full_at = self._report_at = 0.0

    async def start(self) -> None:
        """Begin to connect; a gateway that is away is tried again by ``publish`` until ``stop``."""
        self._connect()

    async def publish(self) -> None:
        if self._task is None or self._task.done():
            self._pause -= 1
            if self._pause <= 0:
                self._connect()
        elif self._logged_in:
            self._report()

    async def stop(self) -> None:
        """End the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def _connect(self) -> None:
        self._pause = PAUSE
        self._task = asyncio.create_task(self._live())

    async def _live(self) -> None:
        """One connection from its beginning to its end."""
        host, port = self._device.device.host, self._device.device.port
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, self._writer = await asyncio.open_connection(host, port, limit=LARGEST)
        except OSError:
            return
        try:
            self._send(self._kind(100), self._new_txn(), imsi="460040000000000", hardVersion="E1", softVersion="1.0.0",
                       protocolVersion="1.0")  # fmt: skip
            async for message in self._messages(reader):
                self._take(message)
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
            if self._logged_in:
                log.info("emulator lost its gateway", device=self._device.id, reason=str(error) or type(error).__name__)
        finally:
            self._logged_in = False
            self._writer.transport.abort()
            self._writer = None

    async def _messages(self, reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
        """What the gateway says, in this cabinet's framing. Raises what ``_live`` catches."""
        while True:
            if self._lines:
                payload = await reader.readuntil(b"\n")
            else:
                length = int.from_bytes(await reader.readexactly(4), "big")
                if length > LARGEST:
                    raise ValueError(f"the gateway announced {length} bytes")
                payload = await reader.readexactly(length)
            message = orjson.loads(payload)
            if isinstance(message, dict):
                yield message

    def _take(self, message: dict[str, Any]) -> None:
        kind = message.get("msgType")
        if kind == self._kind(100) + 1:
            if message.get("result") == 1:
                log.info("emulator logged in", device=self._device.id)
                self._refused = False
                self._logged_in = True
                self._full_at = float("-inf")
                self._report()
                return
            if not self._refused:
                self._refused = True
                log.warning("emulator's login refused", device=self._device.id, dev_id=self._dev_id)
            raise ConnectionError("login refused")
        if kind == 500:
            self._send(501, message.get("txnNo"), result=int(self._obey(message)))
            self._report()

    def _obey(self, message: dict[str, Any]) -> bool:
        """Do what is asked of each door; whether all of it could be done."""
        parameters = message.get("paramList")
        done = isinstance(parameters, list) and bool(parameters)
        for parameter in parameters if isinstance(parameters, list) else []:
            if not isinstance(parameter, dict):
                return False
            slot = self._slot_of.get(str(parameter.get("doorId", "")).lstrip("0"))
            command = str(parameter.get("value", "")).zfill(2)
            if parameter.get("id") != COMMAND or slot is None:
                done = False
            elif command in {"06", "07"}:
                self._station.command("enabled", slot, float(command == "07"))
            elif command == "04":
                self._station.command("door_open", slot, 1.0)
            else:
                done = False
        return done

    def _report(self) -> None:
        """Send what is due now, if anything is."""
        now = self._station.time
        shown = {item.key: self._shown(item) for item in self._items}
        full = now - self._full_at >= FULL_S
        # A tenth of tolerance: the caller's own period may be the interval, give or take its lateness.
        due = full or now - self._report_at >= 0.9 * self._interval_s
        sent = {} if full else self._sent
        changed = {
            item.key: shown[item.key]
            for item in self._items
            if (item.key not in sent or shown[item.key] != sent[item.key]) and (due or _is_discrete(item.points[0]))
        }
        self._sent = sent | changed
        alarms = {key: value for key, value in changed.items() if key[0].startswith(ALARM)}
        if alarms:
            listed = [_entry(key, alarmTime=round(now * 1000.0), alarmFlag=int(bool(on))) for key, on in alarms.items()]
            self._send(self._kind(400), self._new_txn(), alarmList=listed)
        if not due and changed.keys() == alarms.keys():
            return
        attributes = [_entry(key, value=self._written(raw)) for key, raw in changed.items() if key not in alarms]
        self._send(self._kind(300), self._new_txn(), isFull=int(full), attrList=attributes)
        if due:
            self._report_at = now
        if full:
            self._full_at = now

    def _shown(self, item: Item[Key]) -> Value:
        """The raw value as the cabinet's display would round it."""
        raw = item.raw(self._station)
        if raw is None and item.point.invalid:
            raw = item.point.invalid[0]
        if isinstance(raw, bool):
            return int(raw)
        if isinstance(raw, float):
            raw = round(raw, DIGITS)
            return int(raw) if raw.is_integer() else raw
        return raw

    def _written(self, raw: Value) -> Value:
        if self._lines:
            return raw
        return "" if raw is None else str(raw)

    def _send(self, kind: int, txn: object, **more: object) -> None:
        writer = self._writer
        if writer is None:
            return
        if writer.transport.get_write_buffer_size() > UNSENT:
            writer.transport.abort()
            return
        payload = orjson.dumps({"msgType": kind, "txnNo": txn, "devId": self._dev_id} | more)
        writer.write(payload + b"\n" if self._lines else len(payload).to_bytes(4, "big") + payload)

    def _kind(self, number: int) -> int:
        return number + 10 if self._lines else number

    def _new_txn(self) -> int:
        """The time in milliseconds, never twice the same."""
        self._txn = max(self._txn + 1, round(self._station.time * 1000.0))
        return self._txn

    def _key(self, bound: BoundPoint) -> Key:
        return str(bound.address), self._door(bound)

    def _door(self, bound: BoundPoint) -> str:
        return "" if bound.slot is None else bound.field or self._doors[bound.slot]


def _entry(key: Key, **more: object) -> dict[str, object]:
    """An attribute or an alarm, with its door where it has one."""
    entry = {"id": key[0].removeprefix(ALARM)} | more
    return entry | {"doorId": key[1]} if key[1] else entry


def _is_discrete(bound: BoundPoint) -> bool:
    """What cannot wait for the interval. A heartbeat changes always and would make every step a report."""
    return bound.signal.kind is not Kind.ANALOG and bound.signal.name not in {"heartbeat", "energy_wh"}
