"""Writes what was browsed as the skeleton of a device profile: guessed points, and the rest as commented candidates."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.browse_modbus import Found
from adapters.browse_mqtt import Topic
from adapters.browse_opcua import Node, Tree
from config.loader import BUNDLED
from gateway.browse_names import Template, escaped, factor_of, signal_of, states_of, templates
from gateway.browse_registers import Sight, blocks, look
from twin.signals import SIGNALS, Kind

CANDIDATES = 400
"""Commented lines at most: nobody reads more."""


@dataclass(slots=True)
class Skeleton:
    """``points`` are lines that hold as they are; ``candidates`` are commented; ``notes`` head the file."""

    protocol: str
    title: str
    notes: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """The file. It is valid as soon as there is one point."""
        lines = [f"# {note}" if note else "#" for note in self.notes]
        lines += [f"profile: {name}", f"title: {json.dumps(self.title, ensure_ascii=False)}"]
        lines += [f"protocol: {self.protocol}", "source: vendor-doc"]
        lines += [*self.keys, "points:" if self.points else "points: []"]
        lines += [f"  - {{{point}}}" for point in self.points]
        if self.candidates:
            lines += ["", "  # Candidates: put in a signal, correct the rest, and remove the '#'."]
            lines += [f"  # {candidate}" for candidate in self.candidates[:CANDIDATES]]
            if len(self.candidates) > CANDIDATES:
                lines.append(f"  # … and {len(self.candidates) - CANDIDATES} more")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One value that was seen: where a profile finds it, and what it looked like."""

    key: tuple[str, ...]
    """Address, and for MQTT the field."""
    name: str
    value: Any
    unit: str = ""
    enum: tuple[tuple[int, str], ...] = ()


def profile_name(file: Path) -> str:
    """A profile's name from its file's.

    >>> profile_name(Path("My Cabinet.yaml"))
    'my-cabinet'
    """
    return re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "device"


def of_opcua(tree: Tree, url: str) -> Skeleton:
    """The skeleton of a tree: variables that have a value, by their names."""
    skeleton = _new("opcua", f"OPC UA device at {url}")
    leaves = [_leaf(node) for node in tree.nodes if node.is_variable and "nsu=" in node.address and not _is_array(node)]
    _named(skeleton, leaves, lambda leaf, template: f"address: {_quoted(template)}")
    return skeleton


def _is_array(node: Node) -> bool:
    return isinstance(node.value, list | dict | bytes)


def _leaf(node: Node) -> _Leaf:
    return _Leaf((node.address,), node.address.rsplit("=", 1)[-1], node.value, node.unit, tuple(node.enum.items()))


def of_mqtt(topics: Sequence[Topic], url: str) -> Skeleton:
    """The skeleton of JSON topics: their fields, by their names."""
    skeleton = _new("mqtt", f"MQTT device at {url}")
    leaves: list[_Leaf] = []
    for topic in topics:
        if topic.fields is None:
            continue
        for path, value in topic.fields.items():
            if _is_time(path, value):
                unit = "ms" if value > 1e11 else "s"
                keys = [f"time_field: {path}", f"time_unit: {unit}"]
                skeleton.keys = skeleton.keys or keys
                continue
            leaves.append(_Leaf((topic.name, path), f"{topic.name}|{path}", value))
    for topic in topics:
        if topic.text in {"online", "offline"} and not any(key.startswith("availability") for key in skeleton.keys):
            skeleton.keys.append(f"availability: {{topic: {_quoted(escaped(topic.name))}}}")

    def place(leaf: _Leaf, template: str) -> str:
        topic, _, path = template.partition("|")
        return f"address: {_quoted(topic)}, field: {_quoted(path)}"

    _named(skeleton, leaves, place)
    return skeleton


def _is_time(path: str, value: Any) -> bool:
    leaf = path.rsplit(".", 1)[-1].lower()
    is_epoch = (
        isinstance(value, int | float) and not isinstance(value, bool) and (1e9 < value < 5e9 or 1e12 < value < 5e12)
    )
    return is_epoch and leaf in {"t", "ts", "time", "timestamp", "sourcetime", "source_time", "datetime"}


def _new(protocol: str, title: str) -> Skeleton:
    notes = [
        "A skeleton that 'swaptwin browse' wrote: signals are guessed by name. Check each line against the maker's",
        "document, replace the station's own name in addresses by {station}, then run 'swaptwin check' on this file.",
    ]
    return Skeleton(protocol, title, notes)


def _named(skeleton: Skeleton, leaves: Sequence[_Leaf], place: Any) -> None:
    """Points of leaves with a name: first those that stand once a slot, then the station's own."""
    by_text = {leaf.key[0] if len(leaf.key) == 1 else "|".join(leaf.key): leaf for leaf in leaves}
    found, rest = templates(by_text)
    used: set[tuple[str, str]] = set()
    for template in sorted(found, key=lambda each: -len(each.members)):
        members = [by_text[member] for member in template.members]
        if template.numbers[0] == 0:
            skeleton.candidates.append(f"numbers start at 0, slots at 1: {template.text} needs one line a slot")
            continue
        _propose(skeleton, "slot", members, place(members[0], template.text), used, template)
    for text in rest:
        _propose(skeleton, "station", [by_text[text]], place(by_text[text], escaped(text)), used, None)


def _propose(
    skeleton: Skeleton,
    entity: str,
    members: Sequence[_Leaf],
    where: str,
    used: set[tuple[str, str]],
    template: Template | None,
) -> None:
    leaf = next((member for member in members if member.value is not None), members[0])
    signal = signal_of(leaf.name, entity, leaf.value)
    remark = _remark(leaf, members, template)
    if signal is None or (entity, signal) in used:
        again = f" ({signal} is taken already)" if signal else ""
        skeleton.candidates.append(f"- {{{_head(entity, 'FILL_IN')}, {where}}}  # {remark}{again}")
        return
    extra = ""
    definition = SIGNALS[entity, signal]
    if definition.kind is Kind.ENUM:
        states = states_of(dict(leaf.enum))
        if not states:
            line = f"- {{{_head(entity, signal)}, {where}, enum: {{0: idle, 1: charging, 2: full}}}}"
            skeleton.candidates.append(f"{line}  # {remark}; FILL IN what each number means")
            return
        extra = f", enum: {{{', '.join(f'{number}: {label}' for number, label in states.items())}}}"
    elif definition.kind in {Kind.ANALOG, Kind.COUNTER}:
        factor = factor_of(signal, leaf.unit, leaf.name, [member.value for member in members])
        extra = f", scale: {factor:g}" if factor != 1.0 else ""
    used.add((entity, signal))
    skeleton.points.append(f"{_head(entity, signal)}, {where}{extra}")


def _head(entity: str, signal: str) -> str:
    return f"signal: {signal}" if entity == "slot" else f"entity: station, signal: {signal}"


def _remark(leaf: _Leaf, members: Sequence[_Leaf], template: Template | None) -> str:
    seen = ", ".join(shown(member.value) for member in members[:3] if member.value is not None)
    count = f"{len(members)} of them; " if template else ""
    return f"{count}seen {seen or 'no value'}{f' {leaf.unit}' if leaf.unit else ''}"


def of_modbus(found: Found, later: dict[str, dict[int, int]], url: str) -> Skeleton:
    """The skeleton of a register map: registers have no names, so nearly all are candidates."""
    skeleton = _new("modbus", f"Modbus device at {url}")
    skeleton.notes = [
        "A skeleton that 'swaptwin browse' wrote. Registers have no names: everything below is a guess from their",
        "values. Take signals, scales and enums from the maker's document, then run 'swaptwin check' on this file.",
    ]
    if found.models:
        models = ", ".join(f"{model.id} ({model.name}) at {model.address}" for model in found.models)
        ours = sorted(file.stem for file in (BUNDLED / "profiles").glob("sunspec*.yaml"))
        skeleton.notes.append(f"The unit speaks SunSpec: models {models}.")
        if ours:
            skeleton.notes.append(f"Try the bundled profiles first: {', '.join(ours)}.")
    for table in ("holding", "input"):
        listed, block = blocks(look(found.tables.get(table, {}), later.get(table)))
        step = block[1] if block else None
        if block is not None:
            skeleton.notes.append(
                f"Texts repeat {block[2]} times, every {step} {table} registers from {block[0]}: one block a slot?"
            )
        for sight, others in listed:
            if block and sight.address == block[0] and not skeleton.points:
                skeleton.points.append(_text_point(table, sight, others, block[1]))
            else:
                skeleton.candidates.append(_register(table, sight, step if others else None))
    for table in ("coil", "discrete"):
        bits = found.tables.get(table, {})
        skeleton.candidates += [
            f"- {{signal: FILL_IN, entity: station, table: {table}, address: {address}}}  # seen {value}"
            for address, value in sorted(bits.items())
            if value
        ]
    if not skeleton.points:
        skeleton.notes.append("FILL IN at least one point; without one the file is no profile.")
    return skeleton


def _text_point(table: str, sight: Sight, others: Sequence[Sight], step: int) -> str:
    length = max(each.count for each in (sight, *others) if each.type == "str")
    order = "" if sight.word_order == "ABCD" else f", word_order: {sight.word_order}"
    place = "" if table == "holding" else f", table: {table}"
    return f"signal: pack_id, address: {sight.address}, stride: {step}{place}, type: str, length: {length}{order}"


def _register(table: str, sight: Sight, step: int | None) -> str:
    where = f"address: {sight.address}, type: {sight.type}"
    where = where if table == "holding" else f"table: {table}, {where}"
    where += f", length: {sight.count}" if sight.type == "str" else ""
    where += f", word_order: {sight.word_order}" if sight.word_order != "ABCD" else ""
    head = f"signal: FILL_IN, stride: {step}" if step else "signal: FILL_IN, entity: station"
    why = f"; {sight.why}" if sight.why else ""
    return f"- {{{head}, {where}}}  # seen {shown(sight.value)}{why}"


def shown(value: Any) -> str:
    """A value as people read it, cut where it is long."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
