"""What the field engineer's commands share: how they load, print, run and leave."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

from config.errors import ConfigError, ListenError
from config.loader import LoadedSite
from gateway.until_signal import until_signal

FAILED, WRONG_INPUT = 1, 2

T = TypeVar("T")

SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="Site file (YAML).", show_default=False)]


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
        from gateway.tap import UnreadableError

        configure()
        # These commands say themselves what came of each device.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                return runner.run(until_signal(work)).result
            except ConfigError as error:
                self.refuse(error)
            except ListenError as error:
                self.failed(f"{error}. Free the port or choose another one; nothing was started.")
            except UnreadableError as error:
                self.wrong(f"{error}. Correct the profile, or the device in the site file.")
            except LostError as error:
                self.failed(f"{error}. Check address, cable and firewall, and that nobody else holds the connection.")
            except OSError as error:
                self.failed(f"{error.filename or 'input or output'}: {error.strerror or error}.")
