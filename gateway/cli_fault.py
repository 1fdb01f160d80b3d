"""``swaptwin fault list | inject | clear``: what is wrong with the emulated devices of a running demo or emulation."""

import json
import urllib.error
import urllib.request
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

FAILED, WRONG_INPUT = 1, 2
TIMEOUT_S = 60.0
"""A device that restarts with another map takes some seconds."""
DEFAULT_URL = "http://127.0.0.1:8001"

fault_app = typer.Typer(no_args_is_help=True, help="Make emulated devices misbehave: see, inject and clear faults.")
Url = Annotated[str, typer.Option(metavar="URL", help="Where the emulators tell the truth (emulation.truth_port).")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@fault_app.command("list")
def list_faults(
    catalogue: Annotated[bool, typer.Option("--catalogue", help="Show every fault that there is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the emulators say as JSON.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Show the faults that act, and with --catalogue all that could."""
    said = _ask(url, "GET", "/faults")
    if as_json:
        out.print_json(json.dumps(said))
        return
    if catalogue:
        out.print(_catalogue(said["catalogue"]))
        return
    if not said["active"]:
        out.print("no fault acts; swaptwin fault list --catalogue shows what there is")
        return
    table = Table("id", "fault", "target", "slots", "signals", "parameters", "ends in")
    for entry in said["active"]:
        left = "when cleared" if entry["end"] is None else f"{max(entry['end'] - said['time'], 0.0):.0f} s"
        if not entry["active"]:
            left = f"begins in {max(entry['start'] - said['time'], 0.0):.0f} s"
        parameters = ", ".join(f"{key}={value}" for key, value in entry["parameters"].items())
        slots = ", ".join(map(str, entry["slots"])) or _picked(entry["picked"])
        signals = ", ".join(entry["signals"])
        table.add_row(entry["id"], entry["fault"], entry["target"], slots, signals, parameters, left)
    out.print(table)


@fault_app.command("inject")
def inject(
    fault: Annotated[str, typer.Argument(metavar="FAULT", help="Its name: swaptwin fault list --catalogue.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="*, a station (S001) or a device (S001/cabinet).")],
    parameters: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="The fault's parameters.")
    ] = None,
    slots: Annotated[str | None, typer.Option(help="Slots, for example 1-4,7 (default: the fault's choice).")] = None,
    signal: Annotated[list[str] | None, typer.Option(help="Signal or pattern such as cell_*; may be repeated.")] = None,
    start: Annotated[float, typer.Option(min=0.0, help="Site seconds from now.")] = 0.0,
    duration: Annotated[float | None, typer.Option(help="Site seconds (default: until it is cleared).")] = None,
    probability: Annotated[float, typer.Option(help="That it strikes, each time it could.")] = 1.0,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed, the same dice.")] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Let something go wrong; prints the id by which it can be cleared."""
    given: dict[str, Any] = {}
    for each in parameters or []:
        name, sign, value = each.partition("=")
        if not sign:
            _fail(f"{each!r} is no parameter: write NAME=VALUE", WRONG_INPUT)
        given[name] = yaml.safe_load(value)
    order: dict[str, Any] = {
        "fault": fault,
        "target": target,
        "signals": signal or [],
        "start_s": start,
        "probability": probability,
        "parameters": given,
    }
    order |= {
        key: value for key, value in (("slots", slots), ("duration_s", duration), ("seed", seed)) if value is not None
    }
    out.print(_ask(url, "POST", "/faults", order)["id"])


@fault_app.command("clear")
def clear(
    identity: Annotated[str | None, typer.Argument(metavar="[ID]", help="Of one fault (default: all).")] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """End one fault, or all."""
    cleared = _ask(url, "DELETE", f"/faults/{identity}" if identity else "/faults")["cleared"]
    out.print(f"{cleared} cleared")


def _ask(url: str, method: str, path: str, body: Any = None) -> Any:
    """The emulators' answer. Ends the command, saying why, where there is none or it is a refusal."""
    if not url.startswith(("http://", "https://")):
        _fail(f"{url!r} is no address: write for example {DEFAULT_URL}", WRONG_INPUT)
    request = urllib.request.Request(  # noqa: S310 - http, as checked
        url.rstrip("/") + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        _fail(_refusal(error), WRONG_INPUT)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        _fail(f"no emulators at {url}: {reason}. Start swaptwin demo or swaptwin emulate, or give --url", FAILED)


def _refusal(error: urllib.error.HTTPError) -> str:
    try:
        said = json.load(error)["error"]
        return f"{said['message']}. {said['remedy']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.url} answers {error.code} {error.reason}: these are no emulators of swaptwin"


def _fail(text: str, code: int) -> Any:
    err.print(text, markup=False)
    raise typer.Exit(code)


def _catalogue(kinds: list[dict[str, Any]]) -> Table:
    table = Table("fault", "on", "parameters", "what it is")
    everywhere = {"opcua", "modbus", "mqtt", "sparkplug", "tower"}
    for kind in kinds:
        protocols = "all" if set(kind["effects"]) == everywhere else ", ".join(kind["effects"])
        parameters = ", ".join(
            name if field["required"] else f"{name}={field.get('default')}"
            for name, field in kind["parameters"].items()
        )
        table.add_row(kind["fault"], protocols, parameters, kind["summary"])
    return table


def _picked(picked: dict[str, list[int]]) -> str:
    return "; ".join(f"{station}: {', '.join(map(str, slots))}" for station, slots in picked.items())
