"""OPC UA: one subscription with all points of a device; every publish response becomes one batch."""

import asyncio
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import structlog
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from adapters.base import Sink
from adapters.cancelling import heed_cancelling
from adapters.convert import Converter
from adapters.link import LinkReporter, LostError
from adapters.opcua_status import meaning
from adapters.watchdog import Standstill
from config.binding import BoundDevice
from config.clock import Clock, wall_period_s
from twin.signals import Kind

_log = structlog.get_logger()

SESSION_TIMEOUT_S = 30.0
"""How long the server keeps a session of ours that it does not hear: short, so that dead ones do not pile up."""

ITEMS_A_CALL = 1000
SILENT_PUBLISHES = 3
SHORTEST_SILENCE_S = 2.0
"""A busy machine may keep a living server silent for this long."""

RETRY_ITEMS_S = 10.0
"""A server that has just started may still be building its nodes: refused ones are asked for again this often."""

SWEEP_S = 10.0
"""A change to NaN lies within every deadband (no comparison with NaN is true), so some servers never report it.

Points with a deadband are therefore also read as a whole this often.
"""

_EXPANDED = re.compile(r"nsu=(?P<uri>.*?);(?P<node>[isgb]=.*)", re.DOTALL)
_FILTER_REFUSED = frozenset(
    {
        StatusCodes.BadFilterNotAllowed,
        StatusCodes.BadMonitoredItemFilterUnsupported,
        StatusCodes.BadMonitoredItemFilterInvalid,
        StatusCodes.BadDeadbandFilterInvalid,
    }
)


def node_id(address: str, namespaces: Sequence[str]) -> ua.NodeId:
    """The node id of an address in this session, whose server may number its namespaces anew at each start.

    Raises ``LookupError`` where the server does not have the namespace, ``ValueError`` for a malformed address.
    """
    expanded = _EXPANDED.fullmatch(address)
    prefix, node = "", address
    if expanded:
        if expanded["uri"] not in namespaces:
            raise LookupError(f"the server has no namespace {expanded['uri']!r}")
        prefix, node = f"ns={namespaces.index(expanded['uri'])};", expanded["node"]
    try:
        return ua.NodeId.from_string(prefix + node)
    except UaError as error:
        raise ValueError(f"{address!r} is no node id") from error


class Keeper:
    """What outlives the sessions of one device: its columns, its watchdog, and what was already said of it."""

    def __init__(self, device: BoundDevice, clock: Clock) -> None:
        self.device = device
        self.clock = clock
        self.converter = Converter(device.points)
        self.standstill = Standstill(device, clock)
        self.every_scan = device.profile.stamps == "every_scan"
        self.sampling_ms = [1000.0 * wall_period_s(clock, bound.interval_s) for bound in device.points]
        self._refused: frozenset[int] = frozenset()

    def note_refused(self, rows: Iterable[int], why: dict[int, str]) -> None:
        """Say which points the server does not serve; once until that changes."""
        refused = frozenset(rows)
        if refused == self._refused:
            return
        self._refused = refused
        if refused:
            first = min(refused)
            _log.warning(
                "points not served",
                device=self.device.id,
                count=len(refused),
                first=self.device.points[first].path,
                node=self.device.points[first].address,
                answer=why[first],
            )
        else:
            _log.info("all points served", device=self.device.id)


class Subscription:
    """One session's subscription, from its creation to its end."""

    def __init__(
        self, keeper: Keeper, client: Client, sink: Sink, report: LinkReporter, on_answer: Callable[[], None]
    ) -> None:
        """``on_answer`` is called with every publish response."""
        self._keeper = keeper
        self._device = keeper.device
        self._clock = keeper.clock
        self._converter = keeper.converter
        self._standstill = keeper.standstill
        self._client = client
        self._session = client.uaclient.session
        self._sink = sink
        self._report = report
        self._on_answer = on_answer
        self._heard = asyncio.Event()
        self._failure: BaseException | None = None
        self._no_deadband: set[int] = set()
        self._deadbanded: dict[int, ua.NodeId] = {}

    async def run(self) -> None:
        """Serve until the subscription ends; always raises."""
        self._standstill.begin()
        silence_s = await self._create()
        refused = await self._monitor(range(len(self._device.points)), report=True)
        retry_at = self._clock.monotonic() + RETRY_ITEMS_S
        sweep_at = self._clock.monotonic() + SWEEP_S
        while True:
            heed_cancelling()
            try:
                async with self._clock.timeout(silence_s):
                    await self._heard.wait()
            except TimeoutError as error:
                raise LostError(f"connected, but no publish response for {silence_s:.1f} s") from error
            self._heard.clear()
            if self._failure:
                raise self._failure
            frozen = self._standstill.check()
            if frozen:
                raise LostError(frozen)
            if refused and self._clock.monotonic() >= retry_at:
                refused = await self._monitor(refused, report=False)
                retry_at = self._clock.monotonic() + RETRY_ITEMS_S
            if self._deadbanded and self._clock.monotonic() >= sweep_at:
                await self._sweep()
                sweep_at = self._clock.monotonic() + SWEEP_S

    async def _create(self) -> float:
        """Create the subscription; returns how many wall seconds without a publish response mean that it is dead."""
        period_ms = min(self._keeper.sampling_ms)
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = period_ms
        # One: an interval without a change brings a keep-alive, which confirms all values.
        parameters.RequestedMaxKeepAliveCount = 1
        parameters.RequestedLifetimeCount = max(10, math.ceil(SESSION_TIMEOUT_S * 1000.0 / period_ms))
        parameters.MaxNotificationsPerPublish = 0
        parameters.PublishingEnabled = True
        created = await self._session.create_subscription(parameters, self._on_publish)
        self._id = created.SubscriptionId
        expected_s: float = created.RevisedPublishingInterval / 1000.0 * created.RevisedMaxKeepAliveCount
        if not self._standstill.tripped:
            self._report.up(f"subscribed at {self._device.device.url}")
        return max(SILENT_PUBLISHES * expected_s, self._device.profile.timeout_s, SHORTEST_SILENCE_S)

    async def _monitor(self, rows: Iterable[int], *, report: bool) -> list[int]:
        """Ask for the points; returns those that the server refused. One unknown node harms no other."""
        namespaces = await self._client.get_namespace_array()
        refused: dict[int, int] = {}
        why: dict[int, str] = {}
        nodes: list[tuple[int, ua.NodeId]] = []
        for row in rows:
            try:
                nodes.append((row, node_id(str(self._device.points[row].address), namespaces)))
            except (LookupError, ValueError) as error:
                refused[row] = StatusCodes.BadNodeIdUnknown
                why[row] = str(error)
        size = await self._items_a_call()
        while nodes:
            again: list[tuple[int, ua.NodeId]] = []
            for start in range(0, len(nodes), size):
                chunk = nodes[start : start + size]
                for (row, node), code in zip(chunk, await self._create_items(chunk), strict=True):
                    if code in _FILTER_REFUSED and row not in self._no_deadband:
                        self._no_deadband.add(row)
                        again.append((row, node))
                    elif code & 0x8000_0000:
                        refused[row] = code
                        why[row] = ua.StatusCode(ua.UInt32(code)).name
                    elif self._deadband(row):
                        self._deadbanded[row] = node
            nodes = again
        self._keeper.note_refused(refused, why)
        if refused and report and not self._standstill.tripped:
            self._push_refused(refused)
        return list(refused)

    async def _items_a_call(self) -> int:
        """How many items the server takes in one call; most do not say."""
        node = self._client.get_node(
            ua.NodeId(ua.Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall))
        )
        try:
            limit = await node.read_value()
        except UaStatusCodeError:
            return ITEMS_A_CALL
        return min(int(limit), ITEMS_A_CALL) if isinstance(limit, int) and limit > 0 else ITEMS_A_CALL

    async def _create_items(self, chunk: Sequence[tuple[int, ua.NodeId]]) -> list[int]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = self._id
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = [self._item(row, node) for row, node in chunk]
        results = await self._session.create_monitored_items(parameters)
        return [result.StatusCode.value for result in results]

    def _item(self, row: int, node: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        wanted = ua.MonitoringParameters()
        wanted.ClientHandle = row
        wanted.SamplingInterval = self._keeper.sampling_ms[row]
        # The image keeps the latest value only. Not zero: some servers take that for thousands.
        wanted.QueueSize = 1
        wanted.DiscardOldest = True
        deadband = self._deadband(row)
        if deadband or self._keeper.every_scan:
            change = ua.DataChangeFilter()
            change.Trigger = (
                ua.DataChangeTrigger.StatusValueTimestamp
                if self._keeper.every_scan
                else ua.DataChangeTrigger.StatusValue
            )
            if deadband:
                change.DeadbandType = ua.DeadbandType.Absolute
                change.DeadbandValue = deadband
            wanted.Filter = change
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor.NodeId = node
        request.ItemToMonitor.AttributeId = AttributeIds.Value
        request.MonitoringMode = ua.MonitoringMode.Reporting
        request.RequestedParameters = wanted
        return request

    def _deadband(self, row: int) -> float | None:
        """The deadband that the server applies to a point, in raw units."""
        bound = self._device.points[row]
        numeric = bound.signal.kind in {Kind.ANALOG, Kind.COUNTER}
        return bound.point.deadband if numeric and row not in self._no_deadband else None

    async def _sweep(self) -> None:
        """Read all points with a deadband, so that none is wrong for long without the server saying so."""
        rows = list(self._deadbanded)
        for start in range(0, len(rows), ITEMS_A_CALL):
            chunk = rows[start : start + ITEMS_A_CALL]
            parameters = ua.ReadParameters()
            parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            for row in chunk:
                parameters.NodesToRead.append(
                    ua.ReadValueId(NodeId=self._deadbanded[row], AttributeId=AttributeIds.Value)
                )
            self._push(chunk, await self._session.read(parameters), self._clock.now())

    def _on_publish(self, result: ua.PublishResult) -> None:
        """Take one publish response. The library calls it, and would only log what it raises."""
        try:
            self._take(result)
        except Exception as error:  # noqa: BLE001 - handed to run(), which raises it where the supervisor sees it
            self._failure = error
        self._heard.set()

    def _take(self, result: ua.PublishResult) -> None:
        items: list[Any] = []
        for notification in result.NotificationMessage.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                items.extend(notification.MonitoredItems)
            elif isinstance(notification, ua.StatusChangeNotification):
                raise LostError(f"the subscription ended: {notification.Status.name}")
        now = self._clock.now()
        self._on_answer()
        was_frozen = self._standstill.tripped
        if items:
            self._push([item.ClientHandle for item in items], [item.Value for item in items], now)
        if self._standstill.tripped:
            return
        if was_frozen:
            raise LostError("the controller moves again: subscribing anew for all its values")
        self._sink.link.last_data_time = now
        if not self._keeper.every_scan:
            self._sink.confirm(now)

    def _push(self, rows: list[int], values: list[Any], now: float) -> None:
        raws = [value.Value.Value if value.Value is not None else None for value in values]
        codes = [value.StatusCode.value if value.StatusCode else 0 for value in values]
        samples = self._converter.objects(rows, raws, self._sink.intern)
        if any(codes):
            statuses = [meaning(code) for code in codes]
            samples = samples.limited_by(
                np.array([quality for quality, _ in statuses], dtype=np.uint8),
                np.array([reason for _, reason in statuses], dtype=np.uint8),
            )
        times = np.array([_source_time(value) for value in values])
        batch = self._converter.batch(samples, np.where(np.isnan(times), now, times), now)
        self._standstill.see(batch)
        if not self._standstill.tripped and self._report.is_up:
            self._sink.push(batch)

    def _push_refused(self, refused: dict[int, int]) -> None:
        now = self._clock.now()
        samples = self._converter.bad(list(refused), [meaning(code)[1] for code in refused.values()])
        self._sink.push(self._converter.batch(samples, np.full(len(refused), now), now))


def _source_time(value: ua.DataValue) -> float:
    """The device's own time, else the server's, else NaN. The year 1601 is how a server says that it has none."""
    for stamp in (value.SourceTimestamp, value.ServerTimestamp):
        if stamp is not None and stamp.year > 1601:
            return float(stamp.timestamp())
    return math.nan
