"""OPC UA: one subscription with all points of a device; every publish response becomes one batch.

A subscription that falls silent is made anew in the same session, once; if that does not help the session ends.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterable

import numpy as np
from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import BadNoSubscription, BadTimeout, BadTooManyPublishRequests, UaError

from adapters.base import Sink
from adapters.cancelling import heed_cancelling
from adapters.convert import Converter
from adapters.link import LinkReporter, LostError
from adapters.opcua_decode import Block, Published
from adapters.opcua_items import Items, Wishes
from adapters.opcua_samples import Samples
from adapters.opcua_session import SESSION_TIMEOUT_S, GatewayClient
from adapters.opcua_status import meaning, name_of, overflows
from adapters.watchdog import Standstill
from config.binding import BoundDevice
from config.clock import Clock

SILENT_PUBLISHES = 3
SHORTEST_SILENCE_S = 2.0
"""A busy machine may keep a living server silent for this long."""

PROBE_S = 1.5
"""After this silence the server is asked for its state: a connection that is half open does not answer."""
PROBE_ANSWER_S = 2.0
READ_S = 4.0
"""Longest time that reading values may take."""

PUBLISH_REQUESTS = 2
MOST_PUBLISH_REQUESTS = 8
"""Publish requests at the server: with one, it could report only once a round trip."""

SHORTEST_CONFIRM_S = 1.0
"""Where keep-alives are rarer than values grow stale, all are read instead, but no more often than this."""

RETRY_ITEMS_S = 10.0
"""A server that has just started may still be building its nodes: refused ones are asked for again this often."""

SWEEP_S = 10.0
"""A change to NaN lies within every deadband (no comparison with NaN is true), so some servers never report it.

Points with a deadband are therefore also read as a whole this often.
"""

_SERVER_STATE = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_State))
_LAST_SEQUENCE = 2**32 - 1


class GoneError(LostError):
    """The subscription is dead, though perhaps not the session."""


class Keeper:
    """What outlives the sessions of one device."""

    def __init__(self, device: BoundDevice, clock: Clock) -> None:
        self.device = device
        self.clock = clock
        self.wishes = Wishes(device, clock)
        self.converter = Converter(device.points)
        self.samples = Samples(self.converter, device.points)
        self.standstill = Standstill(device, clock)
        self.frozen = ""
        """What the watchdog said when it tripped."""
        watchdog = device.profile.watchdog
        self.watchdog_rows = [
            row
            for row, bound in enumerate(device.points)
            if watchdog and bound.slot is None and bound.point.signal == watchdog.signal
        ]


class Subscription:
    """One session's subscription, from its creation to its end."""

    def __init__(
        self, keeper: Keeper, client: GatewayClient, sink: Sink, report: LinkReporter, on_answer: Callable[[], None]
    ) -> None:
        """``on_answer`` is called with every publish response."""
        self._keeper = keeper
        self._device = keeper.device
        self._clock = keeper.clock
        self._standstill = keeper.standstill
        self._session = client.raw
        self._items = Items(keeper.wishes, client)
        self._sink = sink
        self._report = report
        self._on_answer = on_answer
        self._heard = asyncio.Event()
        self._heard_at = keeper.clock.monotonic()
        self._silence_s = SHORTEST_SILENCE_S
        self._expected_s = 0.0
        """How far keep-alives are apart; a server may make them rarer than it was asked to."""
        self._failure: BaseException | None = None
        self._gone = ""
        self._answered = False
        self._again = ""
        """Why there is more than one subscription in this session."""
        self._id = 0
        """The server's number of the subscription, 0 before there is one."""
        self._retired: set[int] = set()
        self._sequence: int | None = None
        self._acknowledged: list[ua.SubscriptionAcknowledgement] = []
        self._publishing: set[asyncio.Task[None]] = set()
        self._requests = PUBLISH_REQUESTS
        self._missed = False
        self._refused: dict[int, int] = {}

    async def run(self) -> None:
        """Serve until the session is of no more use; always raises."""
        self._standstill.begin()
        try:
            began = self._clock.monotonic()
            await self._items.ask_limits()
            self._note_round_trip(self._clock.monotonic() - began)
            while True:
                try:
                    await self._serve()
                except GoneError as error:
                    if not self._answered:
                        done = "nor after subscribing anew" if self._again else "after connecting"
                        raise LostError(f"{error}, {done}: opening a new session") from error
                    self._again = str(error)
        finally:
            for task in self._publishing:
                task.cancel()
            await asyncio.gather(*self._publishing, return_exceptions=True)

    async def _serve(self) -> None:
        """Make a subscription and attend to it until it is gone."""
        old = self._id
        await self._create()
        if old:
            with contextlib.suppress(UaError):
                await self._session.delete_subscriptions([old])
        left = await self._watch(range(len(self._device.points)))
        retry_at = self._clock.monotonic() + RETRY_ITEMS_S
        sweep_at = self._clock.monotonic() + SWEEP_S
        confirm_s = max(0.5 * self._keeper.wishes.patience_s, SHORTEST_CONFIRM_S)
        confirm_at = self._clock.monotonic() + confirm_s
        while True:
            heed_cancelling()
            await self._listen()
            frozen = self._standstill.check()
            if frozen:
                await self._look_at_watchdog(frozen)
            now = self._clock.monotonic()
            if left and now >= retry_at:
                left = await self._watch(left)
                retry_at = now + RETRY_ITEMS_S
            if self._missed or (self._items.deadbanded and now >= sweep_at):
                rows = list(self._items.nodes) if self._missed else self._items.deadbanded
                self._missed = False
                await self._read(rows)
                sweep_at = now + SWEEP_S
            if self._expected_s >= self._keeper.wishes.patience_s and now >= confirm_at:
                await self._read(list(self._items.nodes))
                self._confirm(self._clock.now())
                confirm_at = now + confirm_s

    async def _create(self) -> None:
        """Create the subscription, and have publish requests at the server."""
        publish_s = self._keeper.wishes.publish_s
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = 1000.0 * publish_s
        # One: an interval without a change brings a keep-alive, which confirms all values.
        parameters.RequestedMaxKeepAliveCount = 1
        parameters.RequestedLifetimeCount = max(10, math.ceil(SESSION_TIMEOUT_S / publish_s))
        parameters.MaxNotificationsPerPublish = 0
        parameters.PublishingEnabled = True
        if self._id:
            self._retired.add(self._id)
        self._answered, self._gone, self._sequence = False, "", None
        created = await self._session.create_subscription(parameters, lambda _: None)
        self._id = created.SubscriptionId
        self._expected_s = created.RevisedPublishingInterval / 1000.0 * created.RevisedMaxKeepAliveCount
        self._silence_s = max(SILENT_PUBLISHES * self._expected_s, self._device.profile.timeout_s, SHORTEST_SILENCE_S)
        self._heard_at = self._clock.monotonic()
        while len(self._publishing) < self._requests:
            task = asyncio.create_task(self._publish())
            self._publishing.add(task)
            task.add_done_callback(self._publish_ended)

    async def _publish(self) -> None:
        """Keep one publish request at the server."""
        while True:
            acknowledged, self._acknowledged = self._acknowledged, []
            try:
                self._take(await self._session.next_publication(acknowledged))
            except BadTimeout:
                continue
            except BadTooManyPublishRequests:
                if self._requests > 1:
                    self._requests -= 1
                    return
                await self._clock.sleep(self._keeper.wishes.publish_s)
            except BadNoSubscription:
                self._lose("the server has forgotten the subscription")
                return

    def _publish_ended(self, task: asyncio.Task[None]) -> None:
        self._publishing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._heard.set()

    async def _watch(self, rows: Iterable[int]) -> list[int]:
        """Ask for points; returns those that the server refused."""
        first = len(self._items.nodes) == 0
        refused = await self._items.watch(self._id, rows)
        if first:
            self._refused = refused
            self._push_refused()
        return list(refused)

    async def _listen(self) -> None:
        """Wait for news, or until it is time to ask whether there is still anybody."""
        try:
            async with self._clock.timeout(min(self._silence_s, PROBE_S)):
                await self._heard.wait()
        except TimeoutError:
            await self._probe()
            silent_s = self._clock.monotonic() - self._heard_at
            if silent_s >= self._silence_s:
                raise GoneError(f"no publish response for {silent_s:.1f} s") from None
            return
        self._heard.clear()
        if self._failure:
            raise self._failure
        if self._gone:
            raise GoneError(self._gone)

    async def _probe(self) -> None:
        began = self._clock.monotonic()
        try:
            async with self._clock.timeout(max(PROBE_ANSWER_S, self._device.profile.timeout_s)):
                await self._session.read_block([_SERVER_STATE])
        except TimeoutError as error:
            silent_s = self._clock.monotonic() - self._heard_at
            raise LostError(f"connected, but no answer for {silent_s:.1f} s") from error
        self._note_round_trip(self._clock.monotonic() - began)

    def _note_round_trip(self, seconds: float) -> None:
        self._sink.link.note_round_trip(seconds)
        wanted = PUBLISH_REQUESTS + int(seconds / self._keeper.wishes.publish_s)
        self._requests = max(self._requests, min(wanted, MOST_PUBLISH_REQUESTS))

    async def _look_at_watchdog(self, frozen: str) -> None:
        """The controller's sign of life stands still: read it, to tell a dead controller from a dead subscription."""
        self._keeper.frozen = frozen
        await self._read([row for row in self._keeper.watchdog_rows if row in self._items.nodes])
        if self._standstill.tripped:
            raise LostError(frozen)
        raise GoneError("the server reads a moving watchdog that it does not report")

    async def _read(self, rows: list[int]) -> None:
        async with self._clock.timeout(max(READ_S, self._device.profile.timeout_s)):
            blocks = await self._items.read(rows)
        for chunk, block in blocks:
            self._push(block.of(np.array(chunk)), self._clock.now())

    def _lose(self, why: str) -> None:
        self._gone = why
        self._heard.set()

    def _take(self, published: Published) -> None:
        if published.subscription in self._retired:
            return
        self._heard_at = self._clock.monotonic()
        self._heard.set()
        if published.ended is not None:
            self._lose(f"the server ended the subscription: {name_of(published.ended)}")
            return
        self._note_sequence(published)
        now = self._clock.now()
        self._on_answer()
        if not self._answered:
            self._answered = True
            self._come_up()
        was_frozen = self._standstill.tripped
        for block in published.blocks:
            self._push(block, now)
        if self._standstill.tripped:
            return
        if was_frozen:
            self._lose("the controller moves again: subscribing anew for all its values")
            return
        self._confirm(now)

    def _confirm(self, now: float) -> None:
        """The server says that everything it has reported still holds."""
        if self._standstill.tripped or not self._report.is_up:
            return
        self._sink.link.last_data_time = now
        if not self._keeper.wishes.every_scan:
            self._sink.confirm(now)

    def _come_up(self) -> None:
        """The subscription works, as its first publish response shows."""
        if self._standstill.tripped:
            self._report.down(f"{self._keeper.frozen}; a new session shows the same")
            return
        again = f" anew: {self._again}" if self._again else ""
        self._report.up(f"subscribed{again} at {self._device.device.url}")
        self._push_refused()

    def _note_sequence(self, published: Published) -> None:
        """Every report has a number; where one is missing its values are too, and all are read anew."""
        if published.is_keep_alive:
            return
        self._acknowledged.append(
            ua.SubscriptionAcknowledgement(
                SubscriptionId=published.subscription, SequenceNumber=ua.UInt32(published.sequence)
            )
        )
        if self._sequence is not None:
            missing = published.sequence - (self._sequence % _LAST_SEQUENCE + 1)
            if missing > 0:
                self._sink.link.dropped += missing
                self._missed = True
        self._sequence = published.sequence

    def _push(self, block: Block, now: float) -> None:
        batch = self._keeper.samples.batch(block, now, self._sink.intern)
        self._sink.link.dropped += overflows(block.statuses)
        self._standstill.see(batch)
        if not self._standstill.tripped and self._report.is_up:
            self._sink.push(batch)

    def _push_refused(self) -> None:
        if not self._refused or not self._report.is_up or self._standstill.tripped:
            return
        now = self._clock.now()
        reasons = [meaning(code)[1] for code in self._refused.values()]
        samples = self._keeper.converter.bad(list(self._refused), reasons)
        self._sink.push(self._keeper.converter.batch(samples, np.full(len(self._refused), now), now))
