"""What is known of a Sparkplug edge node by its messages: whether it is born, its aliases, what is missing.

Sparkplug 3.0, chapters 4 to 6. Pure: it is told the time.
"""

from dataclasses import dataclass, field
from enum import Enum

from adapters.sparkplug_payload import DataType, Metric, Payload

BD_SEQ = "bdSeq"
REPEATS = 3
"""Messages in a row that were there already, after which the sequence is taken for a new one, without its birth."""


class Event(Enum):
    """What a message means to the device that is listened to."""

    NOTHING = "nothing"
    BIRTH = "birth"
    DATA = "data"
    DEATH = "death"
    REPEATED = "repeated"
    """A message that was there before, or of a birth that is past."""


@dataclass(slots=True)
class Taken:
    """A message as it was understood: metrics of the device by name, each with its data type."""

    event: Event
    metrics: list[tuple[str, Metric, int]] = field(default_factory=list)


_NOTHING = Taken(Event.NOTHING)
_REPEATED = Taken(Event.REPEATED)


class EdgeNode:
    """Follows all messages of an edge node, since its devices share one sequence, for the sake of one device.

    ``device`` is ``None`` where the metrics of the edge node itself are wanted.
    """

    def __init__(self, device: str | None) -> None:
        self._device = device
        self.wants_birth: str | None = None
        """Why the node must be asked to be born again, in words; ``None`` while all is well."""
        self.gap_since: float | None = None
        """When (monotonic s) the first message was missed that is missing still."""
        self.datatypes: dict[str, int] = {}
        self.aliases: dict[str, int] = {}
        self.long: set[str] = set()
        """Metrics whose birth gave their value in the field for integers of 64 bits."""
        self.forget()

    @property
    def is_childless(self) -> bool:
        """Whether the node is born, but the wanted device is not."""
        return self._node_born and not self.born

    def forget(self) -> None:
        """Nothing is known any more; the next birth begins anew."""
        self._node_born = self.born = False
        self._bd_seq: object = None
        self._next = 0
        self._missing: set[int] = set()
        self._repeats = 0
        self.gap_since = None
        self._unborn()

    def _unborn(self) -> None:
        self.born = False
        self.datatypes.clear()
        self.aliases.clear()
        self.long.clear()
        self._names: dict[int, str] = {}

    def take(self, kind: str, device: str | None, payload: Payload, now: float) -> Taken:
        """Understand a message: its kind and device are those of its topic. ``now``: monotonic seconds."""
        if kind == "NBIRTH":
            return self._take_node_birth(payload)
        if kind == "NDEATH":
            return self._take_node_death(payload)
        if not self._node_born:
            self.wants_birth = self.wants_birth or f"{kind} without NBIRTH"
            return _NOTHING
        if not self._in_sequence(payload.seq, now):
            return _REPEATED
        if device != self._device:
            return _NOTHING
        match kind:
            case "DBIRTH":
                return self._take_birth(payload)
            case "DDEATH":
                self._unborn()
                return Taken(Event.DEATH)
            case "NDATA" | "DDATA":
                return self._take_data(kind, payload)
        return _NOTHING

    def overdue(self, now: float, reorder_s: float) -> bool:
        """Whether a message has been missing for too long; then the node must be born again."""
        if self.gap_since is None or now - self.gap_since <= reorder_s:
            return False
        self.wants_birth = f"{len(self._missing)} messages were lost"
        return True

    def _take_node_birth(self, payload: Payload) -> Taken:
        self.forget()
        self._node_born = True
        self._bd_seq = _bd_seq(payload)
        # The specification says 0 in one place and 0 to 255 in another.
        self._next = ((payload.seq or 0) + 1) % 256
        self.wants_birth = None
        # The birth of a device follows that of its node.
        return self._take_birth(payload) if self._device is None else _NOTHING

    def _take_node_death(self, payload: Payload) -> Taken:
        said = _bd_seq(payload)
        if self._node_born and self._bd_seq is not None and said is not None and said != self._bd_seq:
            # The will of a connection that has been replaced since.
            return _REPEATED
        self.forget()
        return Taken(Event.DEATH)

    def _take_birth(self, payload: Payload) -> Taken:
        self._unborn()
        self.born = True
        metrics = []
        for metric in payload.metrics:
            if metric.name is None:
                continue
            datatype = metric.datatype or DataType.UNKNOWN
            self.datatypes[metric.name] = datatype
            if metric.is_long:
                self.long.add(metric.name)
            if metric.alias is not None:
                self._names[metric.alias] = metric.name
                self.aliases[metric.name] = metric.alias
            metrics.append((metric.name, metric, datatype))
        return Taken(Event.BIRTH, metrics)

    def _take_data(self, kind: str, payload: Payload) -> Taken:
        if not self.born:
            self.wants_birth = self.wants_birth or f"{kind} without DBIRTH"
            return _NOTHING
        metrics = []
        for metric in payload.metrics:
            name = metric.name if metric.alias is None else self._names.get(metric.alias, metric.name)
            datatype = self.datatypes.get(name) if name is not None else None
            if name is None or datatype is None:
                self.wants_birth = self.wants_birth or f"{kind} with a metric that its birth did not name"
            else:
                metrics.append((name, metric, datatype))
        return Taken(Event.DATA, metrics)

    def _in_sequence(self, seq: int | None, now: float) -> bool:
        """Note the number of a message; false if it was there before."""
        if seq is None or seq > 255:
            self.wants_birth = self.wants_birth or "a message without sequence number"
            return True
        ahead = (seq - self._next) % 256
        if ahead < 128:
            self._missing.update((self._next + step) % 256 for step in range(ahead))
            self._next = (seq + 1) % 256
        elif seq in self._missing:
            self._missing.discard(seq)
        else:
            self._repeats += 1
            if self._repeats > REPEATS:
                self.wants_birth = self.wants_birth or "its sequence began anew without a birth"
            return False
        self._repeats = 0
        if not self._missing:
            self.gap_since = None
        elif self.gap_since is None:
            self.gap_since = now
        return True


def _bd_seq(payload: Payload) -> object:
    for metric in payload.metrics:
        if metric.name == BD_SEQ:
            # Births and deaths of one node write it alike, whatever type that is.
            return metric.raw
    return None
