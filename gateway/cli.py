"""The command line: ``swaptwin demo | run | emulate | fault | backtest | watch``, and the field engineer's tools."""

import asyncio
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from config.clock import RealClock
from config.errors import ConfigError, ListenError
from config.json_schema import SchemaKind, json_schema
from config.loader import LoadedSite, bundled_site, load_site
from gateway import cli_browse, cli_field, cli_watch
from gateway.cli_fault import fault_app
from gateway.cli_tools import Tools
from gateway.until_signal import until_signal

FAILED, WRONG_INPUT = 1, 2

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Digital-twin gateway for battery-swap stations: telemetry in, stockout forecasts out.",
)
app.add_typer(fault_app, name="fault")
PIPE_WIDTH = 160
"""Columns where the output is no terminal: nothing is cut that somebody may want to search."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)

SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="Site file (YAML).", show_default=False)]
Speed = Annotated[float, typer.Option(min=0.01, max=1000.0, help="Site seconds per second; only for emulated sites.")]
Anchor = Annotated[
    float | None,
    typer.Option(
        help="Epoch second at which site time and wall time were equal (default: today 00:00 UTC). "
        "Give the gateway and its emulators the same one when --speed is not 1."
    ),
]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Listen here instead of the site file's gateway.port.")
]


@app.command()
def demo(
    speed: Speed = 1.0,
    port: Port = None,
    site: Annotated[Path | None, typer.Option(help="Another site file than the bundled demo.")] = None,
) -> None:
    """Start a bundled site of emulated stations and the gateway that watches them."""
    from gateway.demo import run_demo

    loaded = _load(site or bundled_site("demo"), port)
    with tempfile.TemporaryDirectory(prefix="swaptwin-") as scratch:
        if speed != 1.0:
            # An accelerated demo runs ahead of the calendar: its history must not mix with that of real days.
            loaded = _with_gateway(loaded, data=Path(scratch))
        _main(run_demo(loaded, speed, announce=_announce))


@app.command()
def run(site: SiteFile, speed: Speed = 1.0, anchor: Anchor = None, port: Port = None) -> None:
    """Run the gateway for a site until Ctrl-C; SIGHUP has it read the site file anew."""
    from gateway.service import run as run_service

    loaded = _load(site, port)
    hangup = asyncio.Event()

    def load() -> LoadedSite:
        anew = load_site(site)
        return anew if port is None else _with_gateway(anew, port=port)

    service = run_service(loaded, RealClock(speed, anchor), on_ready=_announce, load=load, hangup=hangup)
    _main(service, hangup)


@app.command()
def emulate(
    site: SiteFile,
    speed: Annotated[
        float | None,
        typer.Option(min=0.01, max=1000.0, help="Site seconds per second (default: the scenario's, else 1)."),
    ] = None,
    anchor: Anchor = None,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Run these faults and expectations, then end: 0 if all hold, else 1."),
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(metavar="URL", help="The gateway to hold them against (default: one of its own).")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write how it went here.")] = None,
) -> None:
    """Serve a site's devices as software emulators on loopback, until Ctrl-C or the scenario's end."""
    from gateway.scenario import emulate_scenario
    from simulators.serve import serve

    loaded = _load(site)
    if scenario is None:
        _main(serve(loaded, RealClock(speed or 1.0, anchor), on_ready=lambda text: out.print(text)))
        return
    try:
        work, passed = emulate_scenario(loaded, scenario, speed, anchor, gateway, json_file, _announce)
    except ConfigError as error:
        _refuse(error)
    _main(work)
    if not passed():
        raise typer.Exit(FAILED)


@app.command()
def schema(kind: Annotated[SchemaKind, typer.Argument(help="Of which kind of file.", show_default=False)]) -> None:
    """Print the JSON Schema of site files or of device profiles, by which editors complete keys."""
    typer.echo(json_schema(kind), nl=False)


@app.command()
def backtest(
    arrivals: Annotated[
        Path, typer.Option(metavar="FILE.csv", help="Riders: rows of station,time.", show_default=False)
    ],
    site: Annotated[Path, typer.Option(metavar="SITE", help="Site file with these stations.", show_default=False)],
    train_days: Annotated[int, typer.Option(help="Days before the test to learn from.")] = 28,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="First test day, local (default: the file's last days)."),
    ] = None,
    days: Annotated[int | None, typer.Option(help="Test days (default: up to 14).")] = None,
    interval: Annotated[
        float, typer.Option(min=1.0, max=900.0, help="Seconds between two reports of telemetry.")
    ] = 30.0,
    replicas: Annotated[
        int | None, typer.Option(min=10, max=100_000, help="Futures a forecast (default: the site file's).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of noise, gaps and futures: the same seed, the same result.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write all scores here.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="OUT.html", help="Write a page that shows them.")] = None,
) -> None:
    """Score the forecast on recorded arrivals: emulated stations, telemetry only, days it has not seen."""
    from gateway.backtest.command import run_backtest

    try:
        run_backtest(
            _load(site),
            arrivals,
            train_days=train_days,
            first=from_,
            days=days,
            interval_s=interval,
            replicas=replicas,
            seed=seed,
            json_file=json_file,
            report=report,
            out=out,
            err=err,
        )
    except ConfigError as error:
        _refuse(error)


def _load(file: Path, port: int | None = None) -> LoadedSite:
    try:
        loaded = load_site(file)
    except ConfigError as error:
        _refuse(error)
    return loaded if port is None else _with_gateway(loaded, port=port)


def _with_gateway(loaded: LoadedSite, **changes: Any) -> LoadedSite:
    gateway = loaded.site.gateway.model_copy(update=changes)
    site = loaded.site.model_copy(update={"gateway": gateway})
    return LoadedSite(loaded.file, site, loaded.profiles, loaded.shapes)


def _refuse(error: ConfigError) -> NoReturn:
    for problem in error.problems:
        err.print(str(problem), markup=False)
    count = len(error.problems)
    err.print(f"{count} problem{'s' if count != 1 else ''}; nothing was started.", markup=False)
    raise typer.Exit(WRONG_INPUT)


def _announce(text: str) -> None:
    out.print(text, markup=False)
    sys.stdout.flush()


def _main(work: Coroutine[Any, Any, None], hangup: asyncio.Event | None = None) -> None:
    """Run until done or until Ctrl-C or SIGTERM, which are an orderly end. ``hangup`` is set at every SIGHUP."""
    import uvloop

    from gateway.logs import configure
    from gateway.store import StoreError

    configure()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            end = runner.run(until_signal(_plainly(work), hangup))
        except ConfigError as error:
            _refuse(error)
        except ListenError as error:
            err.print(f"{error}. Free the port or set another one there; nothing was started.", markup=False)
            raise typer.Exit(FAILED) from error
        except StoreError as error:
            err.print(f"{error}; nothing was started.", markup=False)
            raise typer.Exit(FAILED) from error
    if end.stopped:
        err.print("stopped", markup=False)


async def _plainly(work: Coroutine[Any, Any, None]) -> None:
    """The work, failing with the one error that users can act on."""
    try:
        await work
    except ExceptionGroup as group:
        raise _single(group) from group


def _single(group: ExceptionGroup[Exception]) -> Exception:
    """The one error that users can act on, out of a task group's bundle."""
    from gateway.store import StoreError

    for kind in (ListenError, ConfigError, StoreError):
        matching = group.subgroup(kind)
        while matching is not None:
            first = matching.exceptions[0]
            if not isinstance(first, ExceptionGroup):
                return first
            matching = first
    return group


for commands in (cli_browse, cli_field, cli_watch):
    commands.register(app, Tools(_load, _refuse, out, err))


def main() -> None:
    """Entry point of the ``swaptwin`` command."""
    app()


if __name__ == "__main__":
    main()
