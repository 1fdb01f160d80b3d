"""How what was browsed is shown on the screen."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text
from rich.tree import Tree as Drawing

from adapters import browse_mqtt
from adapters.browse_modbus import Found
from adapters.browse_mqtt import Heard
from adapters.browse_opcua import Node, Tree
from gateway.browse_profile import shown
from gateway.browse_registers import Sight, blocks, look

ONES_SHOWN = 400
RANGES_SHOWN = 12


def kept(tree: Tree, wanted: str | None) -> set[int]:
    """The nodes that are shown: all, or those whose address or name has the text, with what leads to them."""
    if not wanted:
        return set(range(len(tree.nodes)))
    keep: set[int] = set()
    parent = _parents(tree)
    for number, node in enumerate(tree.nodes):
        if wanted.lower() in node.address.lower() or wanted.lower() in node.name.lower():
            at: int | None = number
            while at is not None:
                keep.add(at)
                at = parent.get(at)
    return keep


def opcua_parts(tree: Tree, keep: set[int], url: str, now: float) -> Iterator[Any]:
    variables = sum(tree.nodes[number].is_variable for number in keep)
    yield Text(f"{url}: {variables} variables in {len(keep) - variables} objects", style="bold")
    for index, uri in enumerate(tree.namespaces):
        if index:
            yield Text(f"namespace {index}: {uri}", style="dim")
    drawing = Drawing("Objects", guide_style="dim")
    branches: dict[int | None, Drawing] = {None: drawing}
    parents = _parents(tree)
    for number in sorted(keep):
        branches[number] = branches[parents.get(number)].add(_node(tree.nodes[number], now))
    yield drawing
    if tree.truncated:
        yield Text(f"The server has more: only the first {len(tree.nodes)} nodes are shown.", style="yellow")
    if not keep:
        yield Text("Nothing there has that text in its address or name.", style="yellow")


def _parents(tree: Tree) -> dict[int, int]:
    return {child: number for number, node in enumerate(tree.nodes) for child in node.children}


def _node(node: Node, now: float) -> Text:
    if not node.is_variable:
        return Text.assemble((node.name, "bold"), (f"  {node.address}", "dim"))
    age = "" if node.source_time is None else f", {_age(now - node.source_time)} old"
    access = ", may be written" if node.writable else ""
    limits = "" if node.low is None else f", {node.low:g} to {node.high:g}"
    words = "" if not node.enum else " [" + ", ".join(f"{number} {word}" for number, word in node.enum.items()) + "]"
    return Text.assemble(
        node.name,
        " = ",
        (value_of(node), "green" if node.status == "Good" else "red"),
        (f"{words}  {node.type}{limits}{age}{access}  {node.address}", "dim"),
    )


def value_of(node: Node) -> str:
    if node.status != "Good":
        return node.status
    return f"{shown(node.value)}{f' {node.unit}' if node.unit else ''}"


def _age(seconds: float) -> str:
    size = abs(seconds)
    if size < 120.0:
        return f"{seconds:.1f} s"
    if size < 7200.0:
        return f"{seconds / 60.0:.0f} min"
    return f"{seconds / 3600.0:.0f} h" if size < 172_800.0 else f"{seconds / 86_400.0:.0f} days"


def time_of(now: float) -> str:
    seconds = int(now) % 86_400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"


def modbus_document(found: Found, later: dict[str, dict[int, int]]) -> object:
    return {
        "tables": found.tables,
        "refusals": found.refusals,
        "not_resolved": found.unresolved,
        "sunspec": {
            "base": found.sunspec_base,
            "models": [asdict(model) | {"name": model.name} for model in found.models],
        },
        "sights": {
            table: [asdict(sight) for sight in look(found.tables[table], later.get(table))]
            for table in ("holding", "input")
            if table in found.tables
        },
        "requests": found.requests,
    }


def modbus_parts(
    found: Found, later: dict[str, dict[int, int]], url: str, unit: int, span: tuple[int, int]
) -> Iterator[Any]:
    trips = sorted(found.round_trips_s)
    typical = f", {1000.0 * trips[len(trips) // 2]:.1f} ms each" if trips else ""
    yield Text(f"{url} unit {unit}: addresses {span[0]}-{span[1]}, {found.requests} requests{typical}", style="bold")
    yield Text("Addresses are the protocol's own, from zero: a document's 40001 is holding 0 here.", style="dim")
    if found.sunspec_base is not None:
        yield Text(f"\nSunSpec from {found.sunspec_base}: {len(found.models)} models", style="bold")
        for model in found.models:
            yield Text(f"  {model.address:>6}  model {model.id:<5} {model.length:>4} registers  {model.name}")
    for table, values in found.tables.items():
        yield Text(f"\n{table}: {_extent(values)}", style="bold")
        if table in found.refusals:
            yield Text(f"  {found.refusals[table]}", style="yellow")
        left = found.unresolved.get(table, [])
        if values and left:
            yield Text(
                f"  refused in blocks and not asked one by one: {_ranges(left)}; --thorough asks them all", style="dim"
            )
        if table in {"coil", "discrete"}:
            ones = [str(address) for address, value in sorted(values.items()) if value]
            yield Text(f"  set: {', '.join(ones[:ONES_SHOWN]) or 'none'}")
            continue
        listed, block = blocks(look(values, later.get(table)))
        if listed:
            yield _sights(listed, values, block is not None)
        hidden = sum(value == 0 for value in values.values())
        yield Text(f"  {hidden} registers read zero", style="dim")
        if block is not None:
            yield Text(
                f"  Texts repeat every {block[1]} registers from {block[0]}, {block[2]} times: one block a slot?",
                style="cyan",
            )


def _extent(values: dict[int, int]) -> str:
    runs: list[list[int]] = []
    for address in sorted(values):
        if runs and runs[-1][1] == address - 1:
            runs[-1][1] = address
        else:
            runs.append([address, address])
    if not runs:
        return "nothing answers"
    return f"{len(values)} answer: {_ranges(runs)}"


def _ranges(runs: Sequence[Sequence[int]]) -> str:
    listed = ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in runs[:RANGES_SHOWN])
    return f"{listed} and {len(runs) - RANGES_SHOWN} more" if len(runs) > RANGES_SHOWN else listed


def _sights(listed: Sequence[tuple[Sight, list[Sight]]], values: dict[int, int], repeats: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("  address", justify="right")
    table.add_column("registers", no_wrap=True)
    table.add_column("looks like")
    table.add_column("value", justify="right", overflow="fold")
    if repeats:
        table.add_column("next blocks", overflow="fold")
    table.add_column("because", overflow="fold")
    for sight, others in listed:
        words = [f"{values[at]:04x}" for at in range(sight.address, sight.address + min(sight.count, 2))]
        order = f" {sight.word_order}" if sight.word_order != "ABCD" else ""
        moved = f"moved by {sight.moves:+.6g}" if sight.moves is not None else ""
        following = ", ".join(shown(other.value) for other in others[:3]) + (", …" if len(others) > 3 else "")
        table.add_row(
            str(sight.address),
            " ".join(words) + (" …" if sight.count > 2 else ""),
            f"{sight.type}{order}" if sight.type != "str" else f"text of {sight.count}{order}",
            shown(sight.value),
            *([following] if repeats else []),
            ", ".join(part for part in (moved, sight.why) if part),
        )
    return table


def payload(topic: browse_mqtt.Topic) -> str:
    if topic.fields is not None:
        return shown(" ".join(f"{path}={shown(value)}" for path, value in topic.fields.items()))
    return shown(topic.text) if topic.text else f"{topic.size} bytes"


def mqtt_parts(heard: Heard, topics: Sequence[browse_mqtt.Topic], url: str, seconds: float) -> Iterator[Any]:
    yield Text(f"{url}: {len(topics)} topics in {seconds:g} s", style="bold")
    if not topics:
        yield Text(
            "Nothing passed. Listen longer (--seconds), or the user may not see the topics (--user).", style="yellow"
        )
    for topic in topics:
        kind = browse_mqtt.sparkplug_kind(topic.name)
        marks = [f"{topic.live} live"] if topic.live else []
        marks += ["retained"] if topic.retained else []
        marks += [f"Sparkplug B {kind}"] if kind else []
        yield Text.assemble((topic.name, "bold"), (f"  {', '.join(marks)}, {topic.size} bytes", "dim"))
        if topic.fields is None:
            if topic.text:
                yield Text(f"  {topic.text}")
            continue
        for path, value in topic.fields.items():
            yield Text(f"  {path} = {shown(value)}")
    births = [topic.name for topic in topics if browse_mqtt.sparkplug_kind(topic.name) in {"NBIRTH", "DBIRTH"}]
    plain = [topic for topic in topics if browse_mqtt.sparkplug_kind(topic.name) in {"NDATA", "DDATA"}]
    if plain and not births:
        yield Text(
            "Sparkplug data without a birth: nodes tell their metrics' names only at birth; ask for a rebirth, or "
            "listen while one starts.",
            style="yellow",
        )
    if heard.dropped:
        yield Text(f"{heard.dropped} messages on further topics were not kept; use --topic.", style="yellow")
