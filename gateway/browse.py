"""``swaptwin browse``: what a device offers, on the screen, as JSON and as a skeleton profile."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from adapters import browse_modbus, browse_mqtt, browse_opcua
from adapters.browse_mqtt import Heard
from config.clock import Clock
from gateway.browse_print import (
    kept,
    modbus_document,
    modbus_parts,
    mqtt_parts,
    opcua_parts,
    payload,
    time_of,
    value_of,
)
from gateway.browse_profile import Skeleton, of_modbus, of_mqtt, of_opcua, profile_name

LIVE_S = 1.0


class Page:
    """Where a browse command puts what it found: the screen, ``--json`` and ``--profile``."""

    def __init__(self, out: Console, *, as_json: bool, profile: Path | None) -> None:
        self.out, self.as_json, self.profile = out, as_json, profile

    def show(self, document: Callable[[], object], parts: Callable[[], Iterator[Any]]) -> None:
        if self.as_json:
            # orjson writes null for NaN, which JSON does not have.
            text = orjson.dumps(document(), default=str, option=orjson.OPT_NON_STR_KEYS)
            self.out.print_json(text.decode())
            return
        for part in parts():
            self.out.print(part)

    def write(self, skeleton: Skeleton) -> None:
        if self.profile is None:
            return
        self.profile.write_text(skeleton.text(profile_name(self.profile)), encoding="utf-8")
        if self.as_json:
            return
        self.out.print(
            Text(
                f"\n{self.profile}: a skeleton with {len(skeleton.points)} guessed points and "
                f"{len(skeleton.candidates)} candidates. Next: swaptwin check {self.profile}"
            )
        )


async def opcua(
    page: Page,
    clock: Clock,
    url: str,
    *,
    depth: int,
    wanted: str | None,
    live: bool,
    username: str | None,
    password: str | None,
) -> None:
    """Show a server's tree. Raises ``LostError``; with ``live`` it goes on until cancelled."""
    async with browse_opcua.session(url, clock, username=username, password=password) as client:
        tree = await browse_opcua.browse(client, depth=depth)
        keep = kept(tree, wanted)
        page.show(
            lambda: [
                {key: value for key, value in asdict(tree.nodes[number]).items() if key != "children"}
                for number in sorted(keep)
            ],
            lambda: opcua_parts(tree, keep, url, clock.now()),
        )
        page.write(of_opcua(tree, url))
        if not live:
            return
        numbers = [number for number in sorted(keep) if tree.nodes[number].is_variable]
        page.out.print(Text("\nfollowing values until Ctrl-C"))
        while True:
            before = [(tree.nodes[number].value, tree.nodes[number].status) for number in numbers]
            await clock.sleep(LIVE_S)
            await browse_opcua.read(client, tree, numbers)
            for number, old in zip(numbers, before, strict=True):
                node = tree.nodes[number]
                if (node.value, node.status) != old:
                    page.out.print(Text(f"{time_of(clock.now())}  {node.address}  {value_of(node)}"))


async def modbus(
    page: Page,
    clock: Clock,
    url: str,
    *,
    unit: int,
    tables: Sequence[str],
    first: int,
    last: int,
    seconds: float,
    pause_s: float,
    thorough: bool,
    live: bool,
) -> None:
    """Scan a unit, look again after ``seconds`` to see what moves. Raises ``LostError``."""
    async with browse_modbus.line(url, clock, unit=unit, pause_s=pause_s) as wire:
        found = await browse_modbus.scan(wire, tables=tables, first=first, last=last, thorough=thorough)
        await clock.sleep(seconds)
        later = await browse_modbus.again(wire, found)
        page.show(lambda: modbus_document(found, later), lambda: modbus_parts(found, later, url, unit, (first, last)))
        page.write(of_modbus(found, later, url))
        if not live:
            return
        page.out.print(Text("\nfollowing values until Ctrl-C"))
        while True:
            await clock.sleep(LIVE_S)
            now = await browse_modbus.again(wire, found)
            for table, values in now.items():
                for address, value in values.items():
                    if later[table].get(address) != value:
                        was = later[table].get(address)
                        page.out.print(Text(f"{time_of(clock.now())}  {table} {address}: {was} -> {value}"))
            later = now


async def mqtt(
    page: Page,
    clock: Clock,
    url: str,
    *,
    seconds: float,
    wanted: str | None,
    topic: str,
    live: bool,
    username: str | None,
    password: str | None,
) -> None:
    """Listen to a broker, then show what passed. Raises ``LostError``."""
    counts: dict[str, int] = {}

    def follow(heard: Heard) -> None:
        for name, each in heard.topics.items():
            if each.messages != counts.get(name) and (not wanted or wanted.lower() in name.lower()):
                counts[name] = each.messages
                page.out.print(Text(f"{time_of(clock.now())}  {name}  {payload(each)}"))

    heard = await browse_mqtt.listen(
        url,
        clock,
        seconds=seconds,
        topic=topic,
        username=username,
        password=password,
        on_tick=follow if live and not page.as_json else None,
    )
    shown_topics = [each for name, each in heard.topics.items() if not wanted or wanted.lower() in name.lower()]
    page.show(
        lambda: [asdict(each) | {"sparkplug": browse_mqtt.sparkplug_kind(each.name)} for each in shown_topics],
        lambda: mqtt_parts(heard, shown_topics, url, seconds),
    )
    page.write(of_mqtt(shown_topics, url))
