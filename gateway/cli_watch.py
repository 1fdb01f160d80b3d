"""The command ``watch``."""

import os
from typing import Annotated

import typer

from config.clock import RealClock
from gateway.cli_tools import FAILED, Tools


def register(app: typer.Typer, tools: Tools) -> None:
    """Add the command to the command line."""

    @app.command()
    def watch(
        url: Annotated[str, typer.Option(metavar="URL", help="The gateway's address.")] = "http://127.0.0.1:8000",
        by: Annotated[
            str | None, typer.Option(metavar="NAME", help="Who acknowledges alarms (default: $USER).")
        ] = None,
    ) -> None:
        """Watch a running gateway in the terminal: stations worst first, cabinets, forecasts and alarms."""
        from gateway.watch.app import WatchApp

        if not url.startswith(("http://", "https://")):
            tools.wrong(f"--url: {url!r} is no address; write for example http://127.0.0.1:8000.")
        name = by or os.environ.get("USER") or os.environ.get("LOGNAME")
        if not name:
            tools.wrong("--by: say in whose name alarms are acknowledged, since $USER does not.")
        view = WatchApp(url, RealClock(), name)
        view.run()
        if view.return_code:
            raise typer.Exit(FAILED)
