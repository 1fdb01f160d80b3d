"""HTTP: has the site file read anew."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from config.errors import ConfigError
from gateway import schema
from gateway.api import API
from gateway.reload import Difference, ReloadRefusedError


class Named(schema.Shape):
    """Ids of stations, or of devices such as ``S006/chargers``."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    unchanged: list[str]


class ReloadAnswer(schema.Shape):
    stations: Named
    devices: Named


class WrongKey(schema.Shape):
    file: str
    line: int
    key: str
    message: str
    remedy: str


class ReloadRefusal(schema.ErrorAnswer):
    problems: list[WrongKey]


def reload_router(reload: Callable[[], Awaitable[Difference]]) -> APIRouter:
    """The address that calls ``reload``."""
    router = APIRouter()
    refusals: dict[int | str, dict[str, Any]] = {409: {"model": schema.ErrorAnswer}, 422: {"model": ReloadRefusal}}

    @router.post(f"{API}/reload", responses={200: {"model": ReloadAnswer}, **refusals})
    async def reload_site() -> Response:
        """Read the site file anew and go over to it; devices and stations that did not change go on undisturbed."""
        try:
            return _json(asdict(await reload()))
        except ReloadRefusedError as error:
            return _json({"error": _fault("no_reload", str(error), "Try again later, or restart the gateway.")}, 409)
        except ConfigError as error:
            count = len(error.problems)
            message = f"the site file has {count} problem{'s' if count != 1 else ''}; the one before goes on"
            problems = [asdict(problem) | {"file": str(problem.file)} for problem in error.problems]
            fault = _fault("wrong_site", message, str(error.problems[0]))
            return _json({"error": fault, "problems": problems}, 422)

    return router


def _fault(code: str, message: str, remedy: str) -> dict[str, str]:
    return {"code": code, "message": message, "remedy": remedy}


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, {"Cache-Control": "no-store"}, "application/json")
