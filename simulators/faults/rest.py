"""``/faults`` beside the ground truth: what may be wrong, what is wrong now, and how to change that.

Whoever may open a page on this machine must not break its emulators: foreign pages cannot send JSON or ``DELETE``
without asking first, which is never granted, and a name that was made to point here is not answered to.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.faults.engine import Faults
from simulators.faults.orders import FaultError

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
LARGEST = 65_536
"""Bytes of an order."""

Handler = Callable[[Request], Awaitable[Response]]


def fault_routes(faults: Faults) -> list[Route]:
    """``GET``, ``POST`` and ``DELETE /faults``, and ``DELETE /faults/{id}``."""

    async def listed(_: Request) -> Response:
        return JSONResponse(faults.report())

    async def inject(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _refusal(415, "not_json", "an order is JSON", "Send it with Content-Type: application/json")
        body = await request.body()
        if len(body) > LARGEST:
            return _refusal(413, "too_large", f"an order of {len(body)} bytes", f"Send at most {LARGEST}")
        try:
            order = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return _refusal(422, "invalid", f"no JSON: {error}", "Send an object with 'fault' and 'target'")
        if not isinstance(order, dict):
            return _refusal(422, "invalid", "no JSON object", "Send an object with 'fault' and 'target'")
        try:
            entry = faults.inject(order)
        except FaultError as error:
            return _refusal(422, "invalid", f"{error.key}: {error.message}", error.remedy)
        await faults.settled()
        return JSONResponse(entry.report(), 201)

    async def clear_all(_: Request) -> Response:
        count = faults.clear_all()
        await faults.settled()
        return JSONResponse({"cleared": count})

    async def clear(request: Request) -> Response:
        identity = request.path_params["id"]
        if not faults.clear(identity):
            known = ", ".join(entry.id for entry in faults.entries) or "none"
            return _refusal(404, "unknown_fault", f"no fault has the id {identity[:40]!r}", f"There are: {known}")
        await faults.settled()
        return JSONResponse({"cleared": 1})

    return [
        Route("/faults", _local(listed), methods=["GET"]),
        Route("/faults", _local(inject), methods=["POST"]),
        Route("/faults", _local(clear_all), methods=["DELETE"]),
        Route("/faults/{id}", _local(clear), methods=["DELETE"]),
    ]


def _local(handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        if request.url.hostname not in LOCAL:
            return _refusal(403, "foreign_host", "this address only answers to its own name", "Ask 127.0.0.1")
        return await handler(request)

    return guarded


def _refusal(status: int, code: str, message: str, remedy: str) -> Response:
    body: dict[str, Any] = {"error": {"code": code, "message": message, "remedy": remedy}}
    return JSONResponse(body, status)
