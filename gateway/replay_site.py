"""Where recorded devices are served again: on this machine's loopback, at ports that are free."""

import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from config.loader import LoadedSite
from config.site import Device, Site, Station
from gateway.recording import Header, RecordingError, yaml_of

FIRST_PORT = 1024
LOOPBACK = "127.0.0.1"
_SCHEMES = {"modbus+serial": "modbus", "modbus+rtu": "modbus"}
"""What is served instead: no emulator has a serial line."""


def placed(header: Header, other: LoadedSite | None, first_port: int) -> LoadedSite:
    """The recorded site with addresses to serve it at: those of another site file, or the recorded ones where they are
    free loopback addresses, or else ports from ``first_port`` on.

    Raises ``RecordingError`` where the other site lacks a recorded device.
    """
    chosen: dict[tuple[str, int], str] = {}
    taken: set[int] = set()
    stations: list[Station] = []
    for station in header.site.stations:
        devices = [
            device.model_copy(
                update={
                    "url": _url_in(other, station.id, device)
                    if other is not None
                    else _url(device, chosen, taken, first_port),
                    "username": None,
                    "password_env": None,
                }
            )
            for device in station.devices
        ]
        stations.append(station.model_copy(update={"devices": tuple(devices)}))
    emulation = (other.site if other is not None else header.site).emulation
    if other is None:
        port = emulation.truth_port if _is_free(emulation.truth_port) else 0
        emulation = emulation.model_copy(update={"broker": "embedded", "truth_port": port})
    site = header.site.model_copy(update={"stations": tuple(stations), "emulation": emulation})
    return LoadedSite(header.file, site, header.profiles, header.shapes)


def _url_in(other: LoadedSite, station: str, device: Device) -> str:
    for there in other.site.stations:
        for candidate in there.devices:
            if there.id == station and candidate.id == device.id:
                return candidate.url
    raise RecordingError(f"{other.file}: has no device {station}/{device.id}, which was recorded; add it there")


def _url(device: Device, chosen: dict[tuple[str, int], str], taken: set[int], first_port: int) -> str:
    parts = urlsplit(device.url)
    place = (device.host, device.port)
    if place not in chosen:
        port = device.port
        is_here = device.host in {LOOPBACK, "localhost"} and port >= FIRST_PORT and port not in taken and _is_free(port)
        if not is_here:
            port = first_port
            while port in taken or not _is_free(port):
                port += 1
        taken.add(port)
        chosen[place] = f"{LOOPBACK}:{port}"
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    path = "" if parts.scheme == "modbus+serial" else parts.path
    return urlunsplit((scheme, chosen[place], path, "", ""))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def write_site(loaded: LoadedSite, file: Path) -> None:
    """Write a site file for a gateway that reads the replay, with the profiles in a folder beside it."""
    site = _plain(loaded.site)
    for station in site["stations"]:
        for device in station["devices"]:
            device["profile"] = loaded.profiles[device["profile"]].profile
        _inline(station, loaded)
        if "emulation" in station:
            station["emulation"].pop("arrivals", None)
            _inline(station["emulation"], loaded)
    site.get("gateway", {}).pop("past_swaps", None)
    folder = file.parent / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    for profile in loaded.profiles.values():
        data = profile.model_dump(mode="json", exclude_unset=True)
        for point in data["points"]:
            if point.get("enum"):
                point["enum"] = {int(number): label for number, label in point["enum"].items()}
        (folder / f"{profile.profile}.yaml").write_text(yaml_of(data), encoding="utf-8")
    file.write_text(yaml_of(site), encoding="utf-8")


def _plain(site: Site) -> dict[str, Any]:
    return site.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def _inline(holder: dict[str, Any], loaded: LoadedSite) -> None:
    """A day's shape by its numbers: the file that its name means is not here."""
    demand = holder.get("demand")
    if demand and demand.get("profile"):
        demand["half_hourly"] = list(loaded.shapes[demand.pop("profile")])
