"""Serves the built web app; where it was not built, a plain page that says so."""

import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
IMMUTABLE = "public, max-age=31536000, immutable"

NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>swaptwin</title></head><body>
<h1>The gateway runs; its web app was not built</h1>
<p>The dashboard is made from its sources when the package is installed. This installation was made without it,
because the build was skipped or Node could not be had.</p>
<p>Build it with <code>make ui</code> in a checkout, or install the package again with network access.
Then load this page again; the gateway need not be restarted.</p>
<p>Everything else works: <a href="/api/v1/stations">stations</a>, <a href="/api/v1/health">health</a>,
<a href="/docs">the API</a>.</p>
</body></html>
"""


def ui_status(static: Path = STATIC) -> dict[str, object]:
    """``{built, hash}``: the hash is that of the start page, which names every other file by its hash."""
    try:
        page = (static / "index.html").read_bytes()
    except OSError:
        return {"built": False, "hash": None}
    return {"built": True, "hash": hashlib.sha256(page).hexdigest()[:12]}


class Ui(StaticFiles):
    """Files under ``assets/`` carry a hash in their names and never change; all else is asked for again each time."""

    def __init__(self, static: Path = STATIC) -> None:
        super().__init__(directory=static, check_dir=False)

    async def check_config(self) -> None:
        """The folder may come later: ``make ui`` beside a running gateway."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path.partition("/")[0] == "api" and scope["method"] in ("GET", "HEAD"):
            raise HTTPException(404)  # not the app's start page for a mistyped address
        try:
            response = await super().get_response(path, scope)
            response.headers["Cache-Control"] = IMMUTABLE if path.startswith("assets/") else "no-cache"
        except HTTPException as error:
            # A path without a suffix is a place inside the app (/stations/S001), which the app finds by itself.
            if error.status_code != 404 or "." in path.rpartition("/")[2].lstrip("."):
                raise
            response = await self._start_page(scope)
        return response

    async def _start_page(self, scope: Scope) -> Response:
        try:
            response = await super().get_response("index.html", scope)
        except HTTPException as error:
            if error.status_code != 404:
                raise
            response = HTMLResponse(NOT_BUILT)
        response.headers["Cache-Control"] = "no-cache"
        return response
