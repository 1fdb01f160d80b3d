"""The web app is built when, and only when, it must be; and an installation never fails for want of it."""

import json
import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("hatchling", reason="hatchling comes with the development requirements")

import hatch_build

NODE = """#!/bin/sh
echo {version}
"""
NPM = """#!/bin/sh
echo "$@" >> "{log}"
if [ "$1" = run ]; then
  [ -n "$BREAK_BUILD" ] && {{ echo "it broke"; exit 3; }}
  mkdir -p "$5" && echo "<html>" > "$5/index.html"
else
  mkdir -p node_modules
fi
"""


class Tree:
    """A source tree with a web app, and the programs that are found on the path."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.source = root / "gateway" / "dashboard" / "src" / "main.tsx"
        self.source.parent.mkdir(parents=True)
        self.source.write_text("one")
        self.log = root / "npm.log"
        self.programs = root / "bin"
        self.programs.mkdir()
        self.warnings: list[str] = []
        (self.programs / "mkdir").symlink_to(shutil.which("mkdir") or "/bin/mkdir")
        monkeypatch.setattr(hatch_build, "search_path", lambda: str(self.programs))
        monkeypatch.setenv("PATH", str(self.programs))
        monkeypatch.delenv("SWAPTWIN_UI", raising=False)

    def has_node(self, version: str) -> None:
        self._program("node", NODE.format(version=version))
        self._program("npm", NPM.format(log=self.log))

    def _program(self, name: str, text: str) -> None:
        file = self.programs / name
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def hook(self, version: str = "1.2.3") -> hatch_build.UiHook:
        app: Any = SimpleNamespace(display_warning=self.warnings.append)
        metadata: Any = SimpleNamespace(version=version)
        config: Any = None
        return hatch_build.UiHook(str(self.root), {}, config, metadata, str(self.root / "dist"), "wheel", app)

    def install(self, version: str = "1.2.3") -> None:
        self.hook(version).initialize("standard", {})

    @property
    def built(self) -> dict[str, str] | None:
        stamp = self.root / "gateway" / "static" / "build.json"
        return json.loads(stamp.read_text()) if stamp.is_file() else None

    @property
    def builds(self) -> int:
        return self.log.read_text().count("run build") if self.log.exists() else 0


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    return Tree(tmp_path, monkeypatch)


def test_an_app_is_built_from_its_lock_file_and_stamped(tree: Tree) -> None:
    tree.has_node("v22.12.0")
    tree.install()
    assert tree.log.read_text().startswith("ci ")
    assert tree.built is not None
    assert tree.built["version"] == "1.2.3"
    assert (tree.root / "gateway" / "static" / "index.html").is_file()


def test_an_unchanged_app_is_not_built_again_whatever_its_files_times(tree: Tree) -> None:
    tree.has_node("v22.12.0")
    tree.install()
    os.utime(tree.source, (0, 0))
    (tree.root / "gateway" / "dashboard" / "node_modules" / "junk").write_text("not a source")
    tree.install("1.2.4")
    assert tree.builds == 1
    assert tree.built is not None
    assert tree.built["version"] == "1.2.4"


def test_a_changed_or_renamed_source_is_built_again(tree: Tree) -> None:
    tree.has_node("v20.19.1")
    tree.install()
    tree.source.write_text("two")
    tree.install()
    tree.source.rename(tree.source.with_name("other.tsx"))
    tree.install()
    assert tree.builds == 3


def test_an_app_that_was_built_needs_no_node(tree: Tree) -> None:
    tree.has_node("v22.12.0")
    tree.install()
    (tree.programs / "npm").unlink()
    assert tree.hook().dependencies() == []
    tree.install()
    assert tree.warnings == []


@pytest.mark.parametrize("version", [None, "v18.20.4", "v22.3.0"])
def test_node_is_asked_for_where_there_is_none_new_enough(tree: Tree, version: str | None) -> None:
    if version is not None:
        tree.has_node(version)
    assert tree.hook().dependencies() == [hatch_build.NODE]


def test_without_node_the_package_is_installed_with_a_warning(tree: Tree) -> None:
    tree.install()
    assert tree.built is None
    assert len(tree.warnings) == 1
    assert "SWAPTWIN_UI=skip" in tree.warnings[0]


def test_a_failed_build_keeps_the_old_app_and_says_what_npm_said(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.has_node("v22.12.0")
    tree.install()
    before = tree.built
    tree.source.write_text("wrong")
    monkeypatch.setenv("BREAK_BUILD", "1")
    tree.install()
    assert tree.built == before
    assert "it broke" in tree.warnings[0]


def test_a_release_stops_where_the_app_cannot_be_built(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWAPTWIN_UI", "require")
    with pytest.raises(hatch_build.UiBuildError, match=r"no npm with Node 20\.19"):
        tree.install()


def test_skip_builds_nothing_and_asks_for_nothing(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWAPTWIN_UI", "skip")
    tree.has_node("v22.12.0")
    tree.install()
    assert tree.builds == 0
    assert tree.hook().dependencies() == []
    assert tree.warnings == []


def test_a_mistyped_mode_is_refused(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWAPTWIN_UI", "yes")
    with pytest.raises(ValueError, match="'yes' is not one of auto, require, skip"):
        tree.install()


def test_the_lock_file_names_no_place_to_download_from() -> None:
    lock = Path(__file__).resolve().parents[2] / "gateway" / "dashboard" / "package-lock.json"
    packages = json.loads(lock.read_text())["packages"]
    assert packages
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
