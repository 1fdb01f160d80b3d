"""The commands ``browse`` and ``check``."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from config.clock import RealClock
from config.errors import ConfigError
from gateway.cli_tools import FAILED, Tools

User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="User name, where the device asks for one.")]
PasswordEnv = Annotated[
    str | None, typer.Option(metavar="VARIABLE", help="Environment variable that holds the user's password.")
]


def register(app: typer.Typer, tools: Tools) -> None:
    """Add the commands to the command line."""
    _browse(app, tools)
    _check(app, tools)


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
        tools.err.print(f"watching for {seconds:g} s", markup=False)
        watched = tools.run(check_connect.connect(loaded, clock, seconds))
        if watched is None:
            raise typer.Exit(FAILED)
        devices, image = watched
        for part in check_connect.describe(devices, image):
            tools.out.print(part)
        if not check_connect.is_right(devices):
            raise typer.Exit(FAILED)
