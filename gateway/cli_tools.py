"""The field engineer's commands: ``browse``, ``check``, ``record``, ``replay`` and ``commission``."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import typer
from rich.console import Console

from config.clock import RealClock
from config.errors import ConfigError, ListenError
from config.loader import LoadedSite

FAILED, WRONG_INPUT = 1, 2

WORDS_SHOWN = {"pass": "passed", "fail": "FAILED", "skipped": "skipped"}

T = TypeVar("T")

SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="Site file (YAML).", show_default=False)]
User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="User name, where the device asks for one.")]
PasswordEnv = Annotated[
    str | None, typer.Option(metavar="VARIABLE", help="Environment variable that holds the user's password.")
]


@dataclass(frozen=True)
class Tools:
    """What the commands need of the command line: how to load a site, and where to print."""

    load: Callable[[Path], LoadedSite]
    refuse: Callable[[ConfigError], NoReturn]
    out: Console
    err: Console

    def wrong(self, message: str) -> NoReturn:
        """Wrong input: say so and leave."""
        self.err.print(message, markup=False)
        raise typer.Exit(WRONG_INPUT)

    def failed(self, message: str) -> NoReturn:
        """It did not work out: say so and leave."""
        self.err.print(message, markup=False)
        raise typer.Exit(FAILED)

    def run(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run until done; ``None`` where Ctrl-C or SIGTERM, which are an orderly end, came first."""
        import structlog
        import uvloop

        from adapters.link import LostError
        from gateway.logs import configure

        configure()
        # These commands say themselves what came of each device.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                return runner.run(_until_signal(work))
            except ConfigError as error:
                self.refuse(error)
            except ListenError as error:
                self.failed(f"{error}. Free the port or choose another one; nothing was started.")
            except LostError as error:
                self.failed(f"{error}. Check address, cable and firewall, and that nobody else holds the connection.")
            except OSError as error:
                self.failed(f"{error.filename or 'input or output'}: {error.strerror or error}.")


async def _until_signal(work: Coroutine[Any, Any, T]) -> T | None:
    """What the work returned; a second signal does not wait for the orderly end."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    signalled = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        if signalled.is_set():
            sys.exit(128 + number)
        signalled.set()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not signalled.is_set():
            raise
    return None


def register(app: typer.Typer, tools: Tools) -> None:
    """Add the commands to the command line."""
    _browse(app, tools)
    _check(app, tools)
    _record(app, tools)
    _replay(app, tools)
    _commission(app, tools)


def _browse(app: typer.Typer, tools: Tools) -> None:
    @app.command()
    def browse(
        url: Annotated[
            str,
            typer.Argument(
                metavar="URL", help="opc.tcp://host:port, modbus://host:port or mqtt://host:port.", show_default=False
            ),
        ],
        filter_: Annotated[
            str | None, typer.Option("--filter", metavar="TEXT", help="Only what has this text in its name or address.")
        ] = None,
        depth: Annotated[int, typer.Option(min=1, max=50, help="OPC UA: levels of the tree.")] = 12,
        live: Annotated[bool, typer.Option("--live", help="Follow values until Ctrl-C.")] = False,
        unit: Annotated[int, typer.Option(min=0, max=255, help="Modbus: unit id.")] = 1,
        table: Annotated[
            list[str] | None,
            typer.Option(metavar="TABLE", help="Modbus: holding, input, coil or discrete (default: all; repeatable)."),
        ] = None,
        from_: Annotated[int, typer.Option("--from", min=0, max=65535, help="Modbus: first address.")] = 0,
        to: Annotated[int, typer.Option(min=0, max=65535, help="Modbus: last address.")] = 999,
        pause_ms: Annotated[
            float, typer.Option(min=0.0, max=5000.0, help="Modbus: pause between two requests.")
        ] = 20.0,
        thorough: Annotated[
            bool, typer.Option("--thorough", help="Modbus: ask refused blocks address by address.")
        ] = False,
        seconds: Annotated[
            float | None,
            typer.Option(
                min=0.0, max=86_400.0, help="MQTT: how long to listen (10). Modbus: pause before the second look (2)."
            ),
        ] = None,
        topic: Annotated[str, typer.Option(help="MQTT: which topics to hear.")] = "#",
        user: User = None,
        password_env: PasswordEnv = None,
        profile: Annotated[
            Path | None, typer.Option(metavar="FILE", help="Write a skeleton profile of what was seen.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    ) -> None:
        """See what a device offers that nobody has described yet."""
        from gateway import browse as rooms

        page = rooms.Page(tools.out, as_json=as_json, profile=profile)
        clock = RealClock()
        password = _password(tools, password_env)
        wait_s = seconds
        match _scheme(tools, url):
            case "opc.tcp":
                work = rooms.opcua(
                    page, clock, url, depth=depth, wanted=filter_, live=live, username=user, password=password
                )
            case "mqtt":
                wait_s = 10.0 if wait_s is None else wait_s
                if live and seconds is None:
                    wait_s = 86_400.0
                work = rooms.mqtt(
                    page,
                    clock,
                    url,
                    seconds=wait_s,
                    wanted=filter_,
                    topic=topic,
                    live=live,
                    username=user,
                    password=password,
                )
            case _:
                if to < from_:
                    tools.wrong(f"--to {to} is before --from {from_}: give a range from low to high.")
                tables = _tables(tools, table)
                work = rooms.modbus(
                    page,
                    clock,
                    url,
                    unit=unit,
                    tables=tables,
                    first=from_,
                    last=to,
                    seconds=2.0 if wait_s is None else wait_s,
                    pause_s=pause_ms / 1000.0,
                    thorough=thorough,
                    live=live,
                )
        tools.run(work)


def _scheme(tools: Tools, url: str) -> str:
    known = ("opc.tcp", "modbus", "modbus+rtu", "mqtt")
    parts = urlsplit(url)
    try:
        right = parts.scheme in known and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        tools.wrong(
            f"{url!r} is no address of a device: write opc.tcp://host:port, modbus://host:port or mqtt://host:port."
        )
    if parts.username or parts.password:
        tools.wrong("Credentials do not belong in the address: use --user and --password-env.")
    return parts.scheme


def _tables(tools: Tools, chosen: list[str] | None) -> tuple[str, ...]:
    from adapters.browse_modbus import TABLES

    unknown = [name for name in chosen or () if name not in TABLES]
    if unknown:
        tools.wrong(f"--table {unknown[0]}: unknown table; known: {', '.join(TABLES)}.")
    return tuple(chosen) if chosen else TABLES


def _password(tools: Tools, variable: str | None) -> str | None:
    if variable is None:
        return None
    password = os.environ.get(variable)
    if password is None:
        tools.wrong(f"--password-env {variable}: that environment variable is not set; put the password into it.")
    return password


def _check(app: typer.Typer, tools: Tools) -> None:
    @app.command()
    def check(
        site: Annotated[
            Path, typer.Argument(metavar="SITE", help="Site file, or a device profile (YAML).", show_default=False)
        ],
        connect: Annotated[
            bool, typer.Option("--connect", help="Connect to the devices too, show every point, and judge it.")
        ] = False,
        seconds: Annotated[float, typer.Option(min=1.0, max=3600.0, help="With --connect: how long to watch.")] = 10.0,
    ) -> None:
        """Check a site file and its profiles, and print what would be read from each device and how."""
        from gateway.check import describe, describe_profile, is_profile

        try:
            if is_profile(site):
                if connect:
                    tools.wrong(f"{site} is a device profile: --connect needs a site file, which has addresses.")
                tools.out.print(describe_profile(site))
                return
        except ConfigError as error:
            tools.refuse(error)
        loaded = tools.load(site)
        for part in describe(loaded):
            tools.out.print(part)
        if not connect:
            return
        from gateway import check_connect

        clock = RealClock()
        tools.err.print(f"watching {len(loaded.bind())} devices for {seconds:g} s", markup=False)
        watched = tools.run(check_connect.connect(loaded, clock, seconds))
        if watched is None:
            raise typer.Exit(FAILED)
        devices, image = watched
        for part in check_connect.describe(devices, image, clock.now()):
            tools.out.print(part)
        if not check_connect.is_right(devices):
            raise typer.Exit(FAILED)


def _record(app: typer.Typer, tools: Tools) -> None:
    @app.command()
    def record(
        site: SiteFile,
        out: Annotated[
            Path, typer.Option(metavar="FILE", help="Ends in .jsonl, .jsonl.gz or .parquet.", show_default=False)
        ],
        seconds: Annotated[float | None, typer.Option(min=1.0, help="How long (default: until Ctrl-C).")] = None,
        anonymise: Annotated[bool, typer.Option("--anonymise", help="Replace the packs' serial numbers.")] = False,
        force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    ) -> None:
        """Record what a site's devices say, raw and decoded, into a file that replays by itself."""
        from gateway.record import Outcome
        from gateway.record import record as record_site
        from gateway.recording import RecordingError
        from gateway.version import release

        loaded = tools.load(site)
        if out.exists() and not force:
            tools.wrong(f"{out} is there already: give another name, or --force to overwrite it.")
        latest: list[Outcome] = []
        tools.err.print(
            f"recording {len(loaded.bind())} devices to {out} {f'for {seconds:g} s' if seconds else 'until Ctrl-C'}",
            markup=False,
        )
        try:
            tools.run(
                record_site(
                    loaded,
                    RealClock(),
                    out,
                    version=release(),
                    seconds=seconds,
                    anonymise=anonymise,
                    on_tick=lambda outcome: latest.__setitem__(slice(None), [outcome]),
                )
            )
        except RecordingError as error:
            tools.wrong(f"{error}.")
        outcome = latest[0] if latest else Outcome()
        tools.out.print(f"{out}: {outcome.rows} rows, {outcome.bytes / 1e6:.2f} MB", markup=False)
        if outcome.dropped:
            tools.err.print(f"{outcome.dropped} rows were dropped: the disk is too slow.", markup=False)
        if outcome.silent:
            tools.failed(f"nothing came from {', '.join(outcome.silent)}: see swaptwin check {site} --connect.")


def _replay(app: typer.Typer, tools: Tools) -> None:
    @app.command()
    def replay(
        file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.", show_default=False)],
        speed: Annotated[
            float, typer.Option(min=0.1, max=100.0, help="Recorded seconds per second; give the gateway the same.")
        ] = 1.0,
        anchor: Annotated[
            float | None, typer.Option(help="As of 'run': epoch second at which site and wall time were equal.")
        ] = None,
        site: Annotated[
            Path | None, typer.Option(metavar="SITE", help="Serve at this site file's addresses instead.")
        ] = None,
        port: Annotated[
            int, typer.Option(min=1024, max=65000, help="First port for devices whose own address is not to be had.")
        ] = 52_000,
        write_site: Annotated[
            Path | None, typer.Option(metavar="FILE", help="Write a site file for a gateway that reads the replay.")
        ] = None,
        hold: Annotated[bool, typer.Option("--hold", help="Go on serving the last values at the end.")] = False,
    ) -> None:
        """Serve recorded devices again, on their own protocols, as emulators on loopback."""
        from gateway import replay_site
        from gateway.recording import Recording, RecordingError
        from gateway.replay import Replay

        def ready(text: str) -> None:
            tools.out.print(f"{text} at speed {speed:g}", markup=False)
            sys.stdout.flush()

        try:
            recording = Recording(file)
            loaded = replay_site.placed(recording.header, tools.load(site) if site else None, port)
            if write_site is not None:
                replay_site.write_site(loaded, write_site)
            for device in loaded.bind():
                tools.out.print(f"{device.id}  {device.profile.profile}  {device.device.url}", markup=False)
            if write_site is not None:
                tools.out.print(f"{write_site}: swaptwin run {write_site} reads the replay", markup=False)
            play = Replay(recording, loaded, RealClock(speed, anchor))
            tools.run(play.run(hold=hold, on_ready=ready))
        except RecordingError as error:
            tools.wrong(f"{error}.")
        ended = "to its end" if play.ended else "stopped"
        tools.out.print(f"{file}: {play.rows} rows replayed, {ended}", markup=False)
        if recording.truncated:
            tools.err.print("The recording was cut off; all whole rows were replayed.", markup=False)
        if play.skipped:
            tools.err.print(f"{play.skipped} rows belong to no device of this site.", markup=False)


def _commission(app: typer.Typer, tools: Tools) -> None:
    @app.command()
    def commission(
        site: SiteFile,
        out: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write the protocol as a web page.")] = None,
        pdf: Annotated[Path | None, typer.Option(metavar="FILE.pdf", help="Write the protocol as PDF.")] = None,
        engineer: Annotated[str | None, typer.Option(metavar="NAME", help="Who signs.")] = None,
        seconds: Annotated[float, typer.Option(min=5.0, max=3600.0, help="How long to watch.")] = 60.0,
        yes: Annotated[
            bool, typer.Option("--yes", help="Ask nothing; harmless set-points may be written as they stand.")
        ] = False,
    ) -> None:
        """Walk through a new station, step by step, and write the acceptance protocol."""
        from gateway import commission_pdf
        from gateway.commission import examine
        from gateway.commission_html import page, verdict_of
        from gateway.commission_questions import AtTerminal, Nobody
        from gateway.version import release

        loaded = tools.load(site)
        if pdf is not None:
            try:
                commission_pdf.require_pdf()
            except commission_pdf.PdfError as error:
                tools.wrong(f"--pdf: {error}.")
        for file in (out, pdf):
            if file is not None and not file.parent.is_dir():
                tools.wrong(f"{file}: its folder is not there; make it first.")
        terminal = sys.stdin.isatty() and not yes
        asked = AtTerminal(input, writes=yes) if terminal else Nobody("--yes" if yes else "no terminal", writes=yes)
        acceptance = tools.run(
            examine(
                loaded,
                RealClock(),
                asked,
                seconds=seconds,
                version=release(),
                say=lambda text: tools.err.print(text, markup=False),
            )
        )
        if acceptance is None:
            tools.failed("stopped; no protocol was written.")
        acceptance.engineer = engineer or (input("Name of the engineer: ").strip() if terminal else "")
        for number, step in enumerate(acceptance.steps, start=1):
            tools.out.print(
                f"{number}. {step.title:<40} {WORDS_SHOWN[step.result.value]:<8} {step.summary}", markup=False
            )
            for detail in step.details:
                tools.out.print(f"     {detail}", markup=False)
        try:
            if out is not None:
                out.write_text(page(acceptance), encoding="utf-8")
            if pdf is not None:
                commission_pdf.write(acceptance, pdf)
        except OSError as error:
            tools.failed(f"{error.filename}: cannot be written: {error.strerror}.")
        written = [str(file) for file in (out, pdf) if file is not None]
        tools.out.print(
            f"{verdict_of(acceptance)}. {'Written: ' + ', '.join(written) if written else ''}", markup=False
        )
        if not acceptance.passed:
            raise typer.Exit(FAILED)
