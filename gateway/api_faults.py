"""``/api/v1/faults`` of a demo: passes on to its emulators, which take orders on a port of their own."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.answers import API, ApiError
from gateway.emulators import order_of, passed_on


def faults_router(control: str) -> APIRouter:
    """``control``: where the emulators serve ``/faults``, for example ``http://127.0.0.1:8001/faults``."""
    router = APIRouter()

    @router.get(f"{API}/faults")
    async def faults() -> Response:
        """The faults that act in the emulated devices, those that did, and all that there are."""
        return await passed_on("GET", control)

    @router.post(f"{API}/faults")
    async def inject(request: Request) -> Response:
        """Let something go wrong: ``fault``, ``target``, ``slots``, ``signals``, ``duration_s``, ``parameters``."""
        return await passed_on("POST", control, await order_of(request))

    @router.delete(f"{API}/faults")
    async def clear_all() -> Response:
        """End every fault."""
        return await passed_on("DELETE", control)

    @router.delete(f"{API}/faults/{{identity}}")
    async def clear(identity: str) -> Response:
        """End one fault."""
        if not identity.isalnum():
            raise ApiError(404, "unknown_fault", f"no fault has the id {identity[:40]!r}", f"{API}/faults lists them.")
        return await passed_on("DELETE", f"{control}/{identity}")

    return router
