"""``/api/v1/faults`` of a demo: passes on to its emulators, which take orders on a port of their own."""

import asyncio
import urllib.error
import urllib.request

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import API, ApiError

TIMEOUT_S = 60.0
LARGEST = 65_536


def faults_router(control: str) -> APIRouter:
    """``control``: where the emulators serve ``/faults``, for example ``http://127.0.0.1:8001/faults``."""
    router = APIRouter()

    @router.get(f"{API}/faults")
    async def faults() -> Response:
        """The faults that act in the emulated devices, those that did, and all that there are."""
        return await _passed_on("GET", control)

    @router.post(f"{API}/faults")
    async def inject(request: Request) -> Response:
        """Let something go wrong: ``fault``, ``target``, ``slots``, ``signals``, ``duration_s``, ``parameters``."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise ApiError(415, "not_json", "an order is JSON", "Send it with Content-Type: application/json.")
        body = await request.body()
        if len(body) > LARGEST:
            raise ApiError(413, "too_large", f"an order of {len(body)} bytes", f"Send at most {LARGEST}.")
        return await _passed_on("POST", control, body)

    @router.delete(f"{API}/faults")
    async def clear_all() -> Response:
        """End every fault."""
        return await _passed_on("DELETE", control)

    @router.delete(f"{API}/faults/{{identity}}")
    async def clear(identity: str) -> Response:
        """End one fault."""
        if not identity.isalnum():
            raise ApiError(404, "unknown_fault", f"no fault has the id {identity[:40]!r}", f"{API}/faults lists them.")
        return await _passed_on("DELETE", f"{control}/{identity}")

    return router


async def _passed_on(method: str, url: str, body: bytes | None = None) -> Response:
    try:
        status, content = await asyncio.to_thread(_ask, method, url, body)
    except OSError as error:
        raise ApiError(
            502, "no_emulators", f"the emulators do not answer: {error}", "They may have ended; start the demo anew."
        ) from error
    return Response(content, status, {"Cache-Control": "no-store"}, "application/json")


def _ask(method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
    request = urllib.request.Request(  # noqa: S310 - our own emulators
        url, data=body, headers={"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
