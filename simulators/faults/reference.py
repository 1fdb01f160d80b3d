"""The catalogue as a page of the reference: ``python -m simulators.faults.reference > docs/reference/faults.md``."""

import sys
from typing import Any

from simulators.faults.base import EVERY
from simulators.faults.catalogue import CATALOGUE
from simulators.faults.orders import describe

HEAD = """\
# Faults of emulated devices

What `swaptwin demo` and `swaptwin emulate` can let go wrong. [How to inject them](../how-to/inject-faults.md);
[scenarios](scenario.md) run them on a timeline. This page is made from the catalogue itself
(`python -m simulators.faults.reference`).

A fault acts on the wire or inside the emulated device, never inside the gateway. Every order has these keys:

| key | meaning |
| --- | --- |
| `fault` | a name from below |
| `target` | `*`, a station (`S001`) or a device (`S001/cabinet`); of a station, all devices that can have the fault |
| `slots` | numbers and ranges such as `1-4, 7`; default: all, or one that the fault draws by its seed |
| `signals` | names or patterns such as `cell_*`; only for faults that say which signals they strike |
| `start_s` | site seconds from now; default 0 |
| `duration_s` | site seconds; default: until it is cleared |
| `probability` | that it strikes, each time it could: for each value, message or strike; default 1 |
| `seed` | of the fault's own dice: the same seed, the same draws |
| `parameters` | those of the fault |

Values are in the signal's unit (`soc` from 0 to 1). Parameters named `..._s` are wall seconds unless they say
otherwise.

Faults of the layer *wire* act between the device and who is connected with it, *value* and *clock* on what the device
knows, *map* on what stands where (the device restarts with it, and again when it is over), *station* on what really
happens there: devices then report it truly.
"""

NAMES = {"opcua": "OPC UA", "modbus": "Modbus", "mqtt": "MQTT", "sparkplug": "Sparkplug B", "tower": "Tower"}


def page() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, *(_section(describe(kind)) for kind in CATALOGUE.values())])


def _section(kind: dict[str, Any]) -> str:
    lines = [f"## `{kind['fault']}`", "", f"{kind['summary']} Layer: {kind['layer']}."]
    if kind["instant"]:
        lines[-1] += " It happens once and is over."
    if kind["signals"]:
        lines[-1] += f" Strikes {', '.join(f'`{signal}`' for signal in kind['signals'])} unless told."
    lines += ["", "| on | what is seen |", "| --- | --- |"]
    effects: dict[str, list[str]] = {}
    for protocol, text in kind["effects"].items():
        effects.setdefault(text, []).append(protocol)
    for text, protocols in effects.items():
        where = "every protocol" if set(protocols) == set(EVERY) else ", ".join(NAMES[name] for name in protocols)
        lines.append(f"| {where} | {text} |")
    if kind["parameters"]:
        lines += ["", "| parameter | default | |", "| --- | --- | --- |"]
    for name, field in kind["parameters"].items():
        default = "required" if field["required"] else f"`{field.get('default')}`".replace("`None`", "none")
        lines.append(f"| `{name}` | {default} | {_meaning(field)} |")
    return "\n".join(lines) + "\n"


def _meaning(field: dict[str, Any]) -> str:
    text = field.get("description", "")
    if not text and "enum" in field:
        text = ", ".join(map(str, field["enum"]))
    ends = [f"{word} {field[key]:g}" for key, word in BOUNDS.items() if key in field]
    return "; ".join(part for part in (text, ", ".join(ends)) if part)


BOUNDS = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than"}

if __name__ == "__main__":
    sys.stdout.write(page())
