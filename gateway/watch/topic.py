"""One topic as snapshot and deltas add up to it. Pure; the web app's stream/reducer.ts does the same."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gateway.watch.frames import Delta, Keyed, Reset, Snap


@dataclass(frozen=True, slots=True)
class TopicState:
    """What is known of a topic. ``seq`` is None while a snapshot is awaited; ``data`` then is the last known."""

    epoch: str | None = None
    seq: int | None = None
    data: Keyed = field(default_factory=dict)


class Step(NamedTuple):
    state: TopicState
    resubscribe: bool
    """The chain is broken: subscribe again, without resuming."""


def reduce(state: TopicState, frame: Snap | Delta | Reset) -> Step:
    """One frame applied to a topic; the state given is left as it was."""
    match frame:
        case Snap():
            return Step(TopicState(frame.epoch, frame.seq, frame.data), False)
        case Reset():
            return Step(replace(state, seq=None), True)
        case Delta() if state.seq is None:
            return Step(state, False)
        case Delta() if frame.prev != state.seq:
            return Step(replace(state, seq=None), True)
        case Delta():
            data = dict(state.data)
            for key, changed in frame.changed.items():
                data[key] = {**data.get(key, {}), **changed}
            for key in frame.gone:
                data.pop(key, None)
            return Step(replace(state, seq=frame.seq, data=data), False)


def resume_point(state: TopicState, epoch: str) -> dict[str, str | int] | None:
    """What to tell the server about a topic that is whole already and of the same start of the gateway."""
    return {"epoch": epoch, "seq": state.seq} if state.seq is not None and state.epoch == epoch else None
