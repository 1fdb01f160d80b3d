"""The commands ``record``, ``replay`` and ``commission``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from config.clock import RealClock
from gateway.cli_tools import FAILED, SiteFile, Tools

WORDS_SHOWN = {"pass": "passed", "fail": "FAILED", "skipped": "skipped"}


def register(app: typer.Typer, tools: Tools) -> None:
    """Add the commands to the command line."""
    _record(app, tools)
    _replay(app, tools)
    _commission(app, tools)


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
        from gateway.commission_questions import AtTerminal, Nobody, ask_terminal
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
        asked = (
            AtTerminal(ask_terminal, writes=yes) if terminal else Nobody("--yes" if yes else "no terminal", writes=yes)
        )
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
                f"{number}. {step.title:<40} {WORDS_SHOWN[step.result.value]:<8} {step.summary}",
                markup=False,
                soft_wrap=True,
            )
            for detail in step.details:
                tools.out.print(f"     {detail}", markup=False, soft_wrap=True)
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
