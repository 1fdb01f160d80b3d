"""Tower cabinets come to the gateway, several to one address: each must be told apart by what it calls itself."""

from config.document import Document, Place, key_of
from config.errors import Problem
from config.site import Station

SCHEME = "tower"


def login_problems(document: Document, stations: list[tuple[Place, Station]]) -> list[Problem]:
    """Devices at one address without a ``dev_id`` of their own."""
    at_address: dict[tuple[str, int], list[tuple[Place, str | None]]] = {}
    problems: list[Problem] = []
    for place, station in stations:
        for number, device in enumerate(station.devices):
            here = (*place, "devices", number)
            if device.scheme == SCHEME:
                at_address.setdefault((device.host, device.port), []).append((here, device.dev_id))
            elif device.dev_id is not None:
                message = f"is for {SCHEME}:// addresses"
                problems.append(document.problem((*here, "dev_id"), message, "Remove it, or correct the url"))
    for (host, port), devices in at_address.items():
        first: dict[str, Place] = {}
        for here, dev_id in devices if len(devices) > 1 else []:
            if dev_id is None:
                message = f"{len(devices)} cabinets come to {host}:{port}, and this one has no dev_id"
                problems.append(document.problem(here, message, "Add dev_id: what the cabinet logs in with"))
            elif first.setdefault(dev_id, here) != here:
                message = f"{dev_id!r} is already the dev_id of {key_of(first[dev_id])}"
                problems.append(document.problem((*here, "dev_id"), message, "Give each cabinet its own"))
    return problems
