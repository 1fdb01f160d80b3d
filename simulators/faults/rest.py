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
        order = await read_object(request, "an object with 'fault' and 'target'")
        if isinstance(order, Response):
            return order
        try:
            entry = faults.inject(order)
        except FaultError as error:
            return refusal(422, "invalid", f"{error.key}: {error.message}", error.remedy)
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
            return refusal(404, "unknown_fault", f"no fault has the id {identity[:40]!r}", f"There are: {known}")
        await faults.settled()
        return JSONResponse({"cleared": 1})

    return [
        Route("/faults", local_only(listed), methods=["GET"]),
        Route("/faults", local_only(inject), methods=["POST"]),
        Route("/faults", local_only(clear_all), methods=["DELETE"]),
        Route("/faults/{id}", local_only(clear), methods=["DELETE"]),
    ]


async def read_object(request: Request, wanted: str) -> dict[str, Any] | Response:
    """The JSON object of a request, or the refusal to send; ``wanted``: what it should have been."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return refusal(415, "not_json", "an order is JSON", "Send it with Content-Type: application/json")
    body = await request.body()
    if len(body) > LARGEST:
        return refusal(413, "too_large", f"an order of {len(body)} bytes", f"Send at most {LARGEST}")
    try:
        order = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return refusal(422, "invalid", f"no JSON: {error}", f"Send {wanted}")
    return order if isinstance(order, dict) else refusal(422, "invalid", "no JSON object", f"Send {wanted}")


def local_only(handler: Handler) -> Handler:
    """The handler, for those who ask by a name of this machine."""

    async def guarded(request: Request) -> Response:
        if request.url.hostname not in LOCAL:
            return refusal(403, "foreign_host", "this address only answers to its own name", "Ask 127.0.0.1")
        return await handler(request)

    return guarded


def refusal(status: int, code: str, message: str, remedy: str) -> Response:
    """An error in the shape that every error has."""
    body: dict[str, Any] = {"error": {"code": code, "message": message, "remedy": remedy}}
    return JSONResponse(body, status)
