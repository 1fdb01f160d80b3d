"""A small seeded mutation engine: corpora of real messages, bent in bytes and, where they are JSON, in values.

The same seed gives the same inputs. A target is a function of bytes: it catches what its decoder documents, and
asserts what must hold of what comes out; whatever else it raises is a failure.
"""

import copy
import json
import random
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

LONGEST = 4096
KEPT = 5
"""Failures kept of a target; one of a kind."""


@dataclass(frozen=True)
class Target:
    name: str
    run: Callable[[bytes], object]
    corpus: tuple[bytes, ...]
    share: float


@dataclass
class Outcome:
    """What came of a target's inputs. ``failures``: where it failed, to the first input that does and its trace."""

    inputs: int = 0
    failed: int = 0
    seconds: float = 0.0
    failures: dict[str, tuple[bytes, str]] = field(default_factory=dict)


_targets: dict[str, Target] = {}


def target(corpus: Sequence[bytes], share: float = 1.0) -> Callable[[Callable[[bytes], object]], Callable[..., object]]:
    """Register a function as a target. ``share``: its part of all inputs; little where it is slow."""

    def register(run: Callable[[bytes], object]) -> Callable[[bytes], object]:
        _targets[run.__name__] = Target(run.__name__, run, tuple(corpus), share)
        return run

    return register


def targets() -> dict[str, Target]:
    """All targets of all ``target_*.py`` files here."""
    package = __package__ or "tests.fuzz"
    for module in iter_modules(import_module(package).__path__):
        if module.name.startswith("target_"):
            import_module(f"{package}.{module.name}")
    return dict(sorted(_targets.items()))


def budgets(chosen: dict[str, Target], inputs: int) -> dict[str, int]:
    """How many of the inputs each target gets, by its share; at least as many in total as asked for."""
    whole = sum(each.share for each in chosen.values())
    return {name: -int(-inputs * each.share // whole) for name, each in chosen.items()}


def fuzz(chosen: Target, inputs: int, seed: int) -> Outcome:
    """Run a target on its corpus, then on mutations of it."""
    outcome = Outcome()
    started = time.perf_counter()
    for data in _inputs(chosen, inputs, seed):
        outcome.inputs += 1
        try:
            chosen.run(data)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            outcome.failed += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} at {last.filename.rsplit('/', 2)[-1]}:{last.lineno}"
            if len(outcome.failures) < KEPT:
                outcome.failures.setdefault(place, (data, traceback.format_exc()))
    outcome.seconds = time.perf_counter() - started
    return outcome


def _inputs(chosen: Target, inputs: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(f"{seed}/{chosen.name}")
    documents = [_document(data) for data in chosen.corpus]
    values = [value for document in documents for value in _leaves(document)]
    for number in range(inputs):
        if number < len(chosen.corpus):
            yield chosen.corpus[number]
            continue
        at = rng.randrange(len(chosen.corpus))
        data = chosen.corpus[at]
        if documents[at] is not None and rng.random() < 0.6:
            data = _bent(rng, documents[at], values)
            if rng.random() < 0.8:
                yield data[:LONGEST]
                continue
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            data = _mutated(rng, data, chosen.corpus)
        yield data[:LONGEST]


_INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 1, 2**63)
_TOKENS = (*rb'{ } [ ] " , : - 0 null true NaN -Infinity 1e999 \ud800 \u0000 &a *a !!python {slot}'.split(),)
_TOKENS += (b"\n", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"9" * 30)


def _mutated(rng: random.Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    """One change somewhere."""
    at = rng.randrange(len(data) + 1)
    to = min(len(data), at + rng.choice((1, 1, 2, 4, 16, 64)))
    match rng.randrange(10):
        case 0 if data:
            at = min(at, len(data) - 1)
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at] + rng.randbytes(to - at) + data[to:]
        case 2:
            return data[:at] + data[to:]
        case 3:
            return data[:at] + data[at:to] * rng.choice((2, 3, 20)) + data[to:]
        case 4:
            return data[:at] + rng.choice(_TOKENS) + data[to if rng.random() < 0.5 else at :]
        case 5 | 6:
            size = rng.choice((1, 2, 2, 4, 8))
            number = rng.choice(_INTERESTING) % 256**size
            return data[:at] + number.to_bytes(size, rng.choice(("big", "little"))) + data[at + size :]
        case 7:
            return data[:at]
        case 8:
            other = rng.choice(corpus)
            return data[:at] + other[rng.randrange(len(other) + 1) :]
        case _:
            return data[:at] + rng.randbytes(rng.choice((1, 2, 8))) + data[at:]


_ODD: tuple[Any, ...] = (None, True, False, 0, 1, -1, 2, 65535, 2**31, 2**53 + 1, 2**64, -(2**63), 10**40)
_ODD += (0.5, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"), [], {}, [[]], {"": None})
_ODD += ("0", "1", "1_0", "+5", "nan", "inf", "1e999", "0x10", "#", "+", "", " ", "{}", "{slot}", "{index}")
_ODD += ("{slot:02d}", "{slot!r}", "{index:q}", "{site:9}", "{slot:{index}}", "{slot:999999999d}")
_ODD += ("\u0000", "\ud800", "\uff11", "a" * 200)


def _bent(rng: random.Random, document: Any, values: Sequence[Any]) -> bytes:
    """A JSON document with some of its values replaced, removed, repeated or moved."""
    bent = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2, 4))):
        holder: Any = bent
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = rng.choice(keys)
            inner = holder[key]
            if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
                holder = inner
                continue
            roll = rng.random()
            if roll < 0.15:
                del holder[key]
            elif roll < 0.25 and isinstance(holder, list):
                holder.extend(copy.deepcopy([inner] * rng.choice((1, 3))))
            elif roll < 0.35 and isinstance(inner, int | float) and not isinstance(inner, bool):
                holder[key] = inner * rng.choice((-1, 2, 10, 100, 1e6, 0.001))
            elif roll < 0.55 and values:
                holder[key] = rng.choice(values)
            else:
                holder[key] = copy.deepcopy(rng.choice(_ODD))
            break
    return json.dumps(bent).encode()


def _document(data: bytes) -> Any:
    """A corpus entry as JSON, ``None`` if it is no object or list."""
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) and found else None


def _leaves(document: Any) -> Iterator[Any]:
    if isinstance(document, dict | list):
        for inner in document.values() if isinstance(document, dict) else document:
            yield from _leaves(inner)
    elif document is not None:
        yield document
