"""Looks at everything that can have an alarm, four times a second, and tells what changed once it is on disk."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from config.alarm_catalogue import CATALOGUE, Condition
from config.clock import Clock
from config.loader import LoadedSite
from gateway.alarms.book import About, Book, Entry, Note, restored, view
from gateway.alarms.site import Source, WatchedSite
from gateway.alarms.state import State
from gateway.alarms.watch import Watch
from gateway.alarms.watches import Sources, watches
from gateway.hub import Hub
from gateway.image import Image
from gateway.layout import Layout

PERIOD_S = 0.25
"""Wall seconds between two looks."""
SLICE_S = 0.0005
"""Wall seconds of one look after which the loop gets its turn."""
CHUNK = 8
"""Changes that are published in one turn of the loop."""
TOPIC = "alarms"

log = structlog.get_logger()


class AlarmEngine:
    """All alarms of a site. Operators' orders raise ``WrongStateError``; their times are site times."""

    def __init__(
        self,
        loaded: LoadedSite,
        image: Image,
        layouts: Mapping[str, Layout],
        clock: Clock,
        hub: Hub,
        sources: Sources,
        keep: Callable[[Sequence[Note]], Awaitable[None]],
    ) -> None:
        """``keep`` writes changes to where they are not lost, before they are told."""
        self._image, self._layouts, self._clock, self._hub = image, layouts, clock, hub
        self._sources, self._keep = sources, keep
        self.book = Book(0)
        self._wake = asyncio.Event()
        self._told = asyncio.Condition()
        self._told_seq = 0
        self._renewed = False
        self._failing: set[str] = set()
        """Conditions that could not be looked at; a fault of ours."""
        self._watch(loaded)
        hub.publish(TOPIC, {})

    def restore(self, stored: Mapping[str, Mapping[str, Any]], seq: int) -> None:
        """Take up what was stored by an earlier run; ``seq``: of the last line of its journal. Before ``run``."""
        self.book = Book(seq)
        self._told_seq = seq
        for alarm_id, fields in stored.items():
            self.book.restore(self.about(alarm_id) or orphan(alarm_id), restored(fields))
        self._hub.publish(TOPIC, {entry.about.id: view(entry) for entry in self.book}, replace=True)
        self._take_up()

    def follow(self, loaded: LoadedSite) -> None:
        """The site file has changed, and image and layouts with it."""
        self._watch(loaded)
        self._take_up()

    async def run(self) -> None:
        """Watch and tell until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look())
            group.create_task(self._tell())

    def about(self, alarm_id: str) -> About | None:
        """What an alarm's id is about; ``None`` where nothing at this site can have that alarm."""
        path, _, name = alarm_id.rpartition(".")
        watch = self._by_name.get(name)
        entry = None if watch is None else watch.index.get(path)
        return None if watch is None or entry is None else self._about(watch, entry)

    def alarms(self) -> list[Entry]:
        """All alarms that are not normal."""
        return list(self.book)

    async def told(self) -> None:
        """Wait until all that has happened so far is on disk, and clients have been told."""
        seq = self.book.seq
        self._wake.set()
        async with self._told:
            await self._told.wait_for(lambda: self._told_seq >= seq)

    def health(self) -> dict[str, Any]:
        """How many alarms are active, by priority, and how many wait for an operator."""
        entries = list(self.book)
        shown = [entry for entry in entries if entry.alarm.active and entry.alarm.state in _SHOWN]
        return {
            "active": {f"priority_{n}": sum(entry.about.priority == n for entry in shown) for n in (1, 2, 3, 4)},
            "unacknowledged": sum(entry.alarm.state in _WAITING for entry in entries),
            "shelved": sum(entry.alarm.state is State.SHELVED for entry in entries),
            "suppressed": sum(entry.alarm.state is State.SUPPRESSED for entry in entries),
            "failing": sorted(self._failing),
            "out_of_service": sum(entry.alarm.state is State.OUT_OF_SERVICE for entry in entries),
        }

    def _watch(self, loaded: LoadedSite) -> None:
        site = WatchedSite(loaded, self._image, self._layouts, self._clock.speed)
        self._watches = watches(site, self._sources, self._clock.now())
        self._by_name = {watch.condition.name: watch for watch in self._watches}

    def _take_up(self) -> None:
        """What held when it was last looked at holds until it is known not to; what nothing can have now is gone."""
        self.book.follow(self.about, self._clock.now())
        for entry in self.book:
            if entry.alarm.active:
                watch = self._by_name[entry.about.condition.name]
                watch.delays.set(watch.index[entry.about.source.path], True)
        self._renewed = True
        self._wake.set()

    def _about(self, watch: Watch, entry: int) -> About:
        source, name = watch.sources[entry], watch.condition.name
        because = watch.explained_by(entry)
        return About(f"{source.path}.{name}", watch.condition, source, watch.priorities[entry], because)

    async def _look(self) -> None:
        while True:
            await self._look_at_all()
            self.book.end_shelvings(self._clock.now())
            if self.book.changed:
                self._wake.set()
            await self._clock.sleep(PERIOD_S)

    async def _look_at_all(self) -> None:
        begun = self._clock.monotonic()
        current = self._watches
        for watch in current:
            for _ in self._step(watch):
                if self._clock.monotonic() - begun < SLICE_S:
                    continue
                await self._clock.sleep(0.0)
                begun = self._clock.monotonic()
                if self._watches is not current:
                    return  # the site file was changed meanwhile

    def look(self) -> None:
        """Look at everything at once, as ``run`` does in slices."""
        for watch in self._watches:
            for _ in self._step(watch):
                pass
        self.book.end_shelvings(self._clock.now())

    def _step(self, watch: Watch) -> Iterator[None]:
        """Look at one condition in all its sources; stops for breath after each change, and at the end."""
        now = self._clock.now()
        try:
            seen = watch.look(now)
        # What one condition trips over must not silence the others.
        except Exception:
            if watch.condition.name not in self._failing:
                log.exception("an alarm's condition cannot be looked at", condition=watch.condition.name)
            self._failing.add(watch.condition.name)
            return
        self._failing.discard(watch.condition.name)
        limits = watch.limit if seen.limit is None else seen.limit
        for entry in watch.delays.step(seen.holds, seen.known, now).tolist():
            value = None if seen.value is None else _finite(seen.value[entry])
            if watch.delays.active[entry]:
                self.book.raised(self._about(watch, entry), now, value, _finite(limits[entry]))
            else:
                self.book.returned(f"{watch.sources[entry].path}.{watch.condition.name}", now, value)
            yield
        yield

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            notes, renewed = self.book.take(), self._renewed
            # As it stands now: what happens while the disk is waited for is told with the next notes.
            standing = {entry.about.id: view(entry) for entry in self.book} if renewed else {}
            self._renewed = False
            if notes:
                await self._keep(notes)
            for first in range(0, len(notes), CHUNK):
                self._publish(notes[first : first + CHUNK])
                await self._clock.sleep(0.0)
            if renewed:
                self._hub.publish(TOPIC, standing, replace=True)
            async with self._told:
                self._told_seq = max([self._told_seq, *(note.seq for note in notes)])
                self._told.notify_all()

    def _publish(self, notes: Sequence[Note]) -> None:
        """Each change as an event, and the state after the last one of each alarm."""
        last = {note.entry.about.id: note.entry for note in notes}
        shown = {name: view(entry) for name, entry in last.items() if entry.alarm.state is not State.NORMAL}
        events = [(note.seq, note.fields() | {"alarm": view(note.entry)}) for note in notes]
        self._hub.publish(TOPIC, shown, delete=last.keys() - shown.keys(), events=events)


def orphan(alarm_id: str) -> About:
    """What is known of a stored alarm that nothing at the site can have any more."""
    path, _, name = alarm_id.rpartition(".")
    station, _, rest = path.partition(".")
    slot = rest.removeprefix("slot.")
    source = Source(path, station, int(slot) if slot.isdecimal() else None, rest or None)
    condition = CATALOGUE.get(name) or Condition(name, "station", "gateway", 4, 0, 0, 0)
    return About(alarm_id, condition, source, condition.priority)


_SHOWN = frozenset({State.UNACKNOWLEDGED, State.ACKNOWLEDGED})
_WAITING = frozenset({State.UNACKNOWLEDGED, State.RETURNED})


def _finite(value: float) -> float | None:
    number = float(value)
    return number if number - number == 0.0 else None
