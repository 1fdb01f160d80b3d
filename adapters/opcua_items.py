"""OPC UA: what a server is asked to watch, in calls no larger than it takes; one unknown node harms no other."""

import math
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import structlog
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import (
    BadEncodingLimitsExceeded,
    BadRequestTooLarge,
    BadResponseTooLarge,
    BadTooManyOperations,
    UaError,
)

from adapters.opcua_decode import Block
from adapters.opcua_session import GatewayClient
from adapters.opcua_status import is_bad, name_of
from config.binding import BoundDevice
from config.clock import Clock, wall_period_s
from twin.signals import Kind

MOST_A_CALL = 1000
"""Items or nodes in one call to a server that does not say how many it takes."""

LONGEST_PUBLISH_S = 1.0
"""However slowly points are sampled, a server that lives says so this often, unless the profile wants it rarer."""

_EXPANDED = re.compile(r"nsu=(?P<uri>.*?);(?P<node>[isgb]=.*)", re.DOTALL)
_FILTER_REFUSED = frozenset(
    {
        StatusCodes.BadFilterNotAllowed,
        StatusCodes.BadMonitoredItemFilterUnsupported,
        StatusCodes.BadMonitoredItemFilterInvalid,
        StatusCodes.BadDeadbandFilterInvalid,
    }
)
_TOO_LARGE = (BadTooManyOperations, BadRequestTooLarge, BadResponseTooLarge, BadEncodingLimitsExceeded)

_log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")


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
    except (UaError, ValueError) as error:
        raise ValueError(f"{address!r} is no node id") from error


class Calls:
    """Splits work into calls of the size that a server takes, and makes them smaller when one was too large."""

    def __init__(self, size: int = MOST_A_CALL) -> None:
        self.size = size

    async def each(
        self, things: Sequence[T], call: Callable[[Sequence[T]], Awaitable[R]]
    ) -> list[tuple[Sequence[T], R]]:
        """What each call was given, and what came back."""
        done: list[tuple[Sequence[T], R]] = []
        at = 0
        while at < len(things):
            chunk = things[at : at + self.size]
            try:
                done.append((chunk, await call(chunk)))
            except _TOO_LARGE:
                if len(chunk) == 1:
                    raise
                self.size = len(chunk) // 2
                continue
            at += len(chunk)
        return done


class Wishes:
    """How a device's points are to be watched, by its profile. Outlives sessions."""

    def __init__(self, device: BoundDevice, clock: Clock) -> None:
        self.device = device
        self.every_scan = device.profile.stamps == "every_scan"
        self.sampling_s = [wall_period_s(clock, bound.interval_s) for bound in device.points]
        wanted_s = device.profile.publish_interval_s
        self.publish_s = wanted_s or min(*self.sampling_s, LONGEST_PUBLISH_S)
        self.patience_s = min(bound.max_age_s for bound in device.points) / clock.speed
        """Wall seconds after which the first value is stale that nobody confirms."""
        self._refused: frozenset[int] = frozenset()

    def queue_size(self, row: int) -> int:
        """Never zero, which some servers take for thousands."""
        return self.device.profile.queue_size or max(1, math.ceil(self.publish_s / self.sampling_s[row] - 1e-6))

    def deadband(self, row: int) -> float | None:
        """The deadband that the server is to apply to a point, in raw units."""
        bound = self.device.points[row]
        return bound.point.deadband if bound.signal.kind in {Kind.ANALOG, Kind.COUNTER} else None

    def note_refused(self, why: dict[int, str]) -> None:
        """Say which points the server does not serve; once until that changes."""
        refused = frozenset(why)
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


class Items:
    """What one session's server watches for us."""

    def __init__(self, wishes: Wishes, client: GatewayClient) -> None:
        self.nodes: dict[int, ua.NodeId] = {}
        """Of the points that the server serves, by row."""
        self.deadbanded: list[int] = []
        self._wishes = wishes
        self._client = client
        self._creating = Calls()
        self._reading = Calls()
        self._no_deadband: set[int] = set()

    async def ask_limits(self) -> None:
        """Ask the server how many items and nodes it takes in one call; most do not say."""
        wanted = (
            ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
            ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        )
        block = await self._client.raw.read_block([ua.NodeId(ua.Int32(each)) for each in wanted])
        for at, calls in enumerate((self._creating, self._reading)):
            limit = block.numbers[at]
            if limit >= 1.0 and not is_bad(int(block.statuses[at])):
                calls.size = int(min(limit, MOST_A_CALL))

    async def watch(self, subscription: int, rows: Iterable[int]) -> dict[int, int]:
        """Ask for points; returns the status codes of those that the server refused."""
        namespaces = await self._client.get_namespace_array()
        refused: dict[int, int] = {}
        why: dict[int, str] = {}
        left: list[tuple[int, ua.NodeId]] = []
        for row in rows:
            try:
                left.append((row, node_id(str(self._wishes.device.points[row].address), namespaces)))
            except (LookupError, ValueError) as error:
                refused[row] = StatusCodes.BadNodeIdUnknown
                why[row] = str(error)
        while left:
            again: list[tuple[int, ua.NodeId]] = []
            for chunk, codes in await self._creating.each(left, lambda some: self._create(subscription, some)):
                for (row, node), code in zip(chunk, codes, strict=True):
                    if code in _FILTER_REFUSED and row not in self._no_deadband:
                        self._no_deadband.add(row)
                        again.append((row, node))
                    elif is_bad(code):
                        refused[row] = code
                        why[row] = name_of(code)
                    else:
                        self.nodes[row] = node
            left = again
        self.deadbanded = [row for row in self.nodes if self._deadband(row)]
        self._wishes.note_refused(why)
        return refused

    async def read(self, rows: Sequence[int]) -> list[tuple[Sequence[int], Block]]:
        """Read served points; returns rows with their values, call by call."""
        return await self._reading.each(
            rows, lambda some: self._client.raw.read_block([self.nodes[row] for row in some])
        )

    async def _create(self, subscription: int, chunk: Sequence[tuple[int, ua.NodeId]]) -> list[int]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = subscription
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = [self._item(row, node) for row, node in chunk]
        results = await self._client.raw.create_monitored_items(parameters)
        return [result.StatusCode.value for result in results]

    def _item(self, row: int, node: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        wanted = ua.MonitoringParameters()
        wanted.ClientHandle = row
        wanted.SamplingInterval = 1000.0 * self._wishes.sampling_s[row]
        wanted.QueueSize = self._wishes.queue_size(row)
        wanted.DiscardOldest = True
        deadband = self._deadband(row)
        if deadband or self._wishes.every_scan:
            change = ua.DataChangeFilter()
            change.Trigger = (
                ua.DataChangeTrigger.StatusValueTimestamp
                if self._wishes.every_scan
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
        return None if row in self._no_deadband else self._wishes.deadband(row)
