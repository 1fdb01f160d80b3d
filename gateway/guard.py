"""Who may ask: keeps foreign web pages away from the gateway, and tells browsers what its pages may do."""

import ipaddress
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "style-src 'self' 'unsafe-inline'",  # charts and maps place their elements by inline style
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether a listening address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware: checks Host and Origin, adds the security headers.

    A page of another origin may send what looks like a form to anywhere: what it may change is nothing.
    A page of another origin may open a WebSocket to anywhere, so a WebSocket's Origin must be the address it asks for.
    A page may also make its own name point to 127.0.0.1 afterwards (DNS rebinding), so a gateway that listens on
    loopback only answers to ``localhost`` and to plain addresses.
    """

    def __init__(self, app: ASGIApp, loopback: bool) -> None:
        self._app = app
        self._loopback = loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host"), headers.get("origin")
        refused = self._loopback and host is not None and not _is_local_name(host)
        if scope["type"] == "websocket":
            if refused or (origin is not None and not _same(origin, host)):
                await send({"type": "websocket.close", "code": 4403})  # before accept: uvicorn answers HTTP 403
                return
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                target = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    target[name] = value
            await send(message)

        if refused:
            await _refuse(host or "", with_headers)
            return
        if scope["method"] not in _SAFE and origin is not None and not _same(origin, host):
            await _refuse_page(origin, with_headers)
            return
        await self._app(scope, receive, with_headers)


def _is_local_name(host: str) -> bool:
    name = _hostname(f"//{host}")
    if name is None:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return True


def _same(origin: str, host: str | None) -> bool:
    try:
        return host is not None and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _refuse(host: str, send: Send) -> None:
    await _answer(
        send,
        code="foreign_host",
        message=f"this gateway listens on loopback and does not answer to the name {host[:100]!r}",
        remedy="Open it as http://localhost or http://127.0.0.1; a reverse proxy must send Host: localhost.",
    )


async def _refuse_page(origin: str, send: Send) -> None:
    await _answer(
        send,
        code="foreign_origin",
        message=f"a page of {origin[:100]!r} may not change anything here",
        remedy="Use the gateway's own page; programs send no Origin.",
    )


async def _answer(send: Send, **error: str) -> None:
    body = orjson.dumps({"error": error})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
