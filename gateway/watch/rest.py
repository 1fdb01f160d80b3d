"""What the terminal view asks of the gateway by REST; each call waits in a thread of its own."""

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request

from gateway.watch.frames import Fields

TIMEOUT_S = 10.0


class RestError(Exception):
    """What was asked was not done; the text says why and what to do."""


async def health(url: str) -> Fields:
    """Name, time zone, speed and kind of the site."""
    return await asyncio.to_thread(_ask, f"{url}/api/v1/health", None)


async def acknowledge(url: str, alarm: str, by: str) -> None:
    """Say who has seen an alarm. Raises RestError."""
    path = urllib.parse.quote(alarm, safe="")
    await asyncio.to_thread(_ask, f"{url}/api/v1/alarms/{path}/acknowledge", {"by": by})


def _ask(address: str, body: Fields | None) -> Fields:
    request = urllib.request.Request(  # noqa: S310 - the command checked that it is http
        address, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            content = json.load(answer)
    except urllib.error.HTTPError as error:
        raise RestError(_refusal(error)) from error
    except (OSError, ValueError) as error:
        raise RestError(f"the gateway does not answer: {getattr(error, 'reason', error)}") from error
    if not isinstance(content, dict):
        raise RestError("the gateway's answer is not understood")
    return content


def _refusal(error: urllib.error.HTTPError) -> str:
    try:
        said = json.load(error)["error"]
        return f"{said['message']}. {said['remedy']}"
    except (ValueError, KeyError, TypeError):
        return f"the gateway answers {error.code} {error.reason}"
