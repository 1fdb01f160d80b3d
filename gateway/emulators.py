"""How the gateway of a demo talks to its emulators, which take orders on a port of their own."""

import asyncio
import urllib.error
import urllib.request

from starlette.requests import Request
from starlette.responses import Response

from gateway.answers import ApiError

TIMEOUT_S = 60.0
LARGEST = 65_536
"""Bytes of an order."""


async def order_of(request: Request) -> bytes:
    """The JSON text of an order. Raises ``ApiError`` for what is none, or too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(415, "not_json", "an order is JSON", "Send it with Content-Type: application/json.")
    body = await request.body()
    if len(body) > LARGEST:
        raise ApiError(413, "too_large", f"an order of {len(body)} bytes", f"Send at most {LARGEST}.")
    return body


async def passed_on(method: str, url: str, body: bytes | None = None) -> Response:
    """The emulators' own answer. Raises ``ApiError`` where they do not answer."""
    status, content = await asked(method, url, body)
    return Response(content, status, {"Cache-Control": "no-store"}, "application/json")


async def asked(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and content of the emulators' answer. Raises ``ApiError`` where they do not answer."""
    try:
        return await asyncio.to_thread(_ask, method, url, body)
    except OSError as error:
        raise ApiError(
            502, "no_emulators", f"the emulators do not answer: {error}", "They may have ended; start the demo anew."
        ) from error


def _ask(method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
    request = urllib.request.Request(  # noqa: S310 - our own emulators
        url, data=body, headers={"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
