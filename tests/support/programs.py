"""The swaptwin command as users run it: a process of its own, its output read line by line."""

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.loader import bundled_site

ROOT = Path(__file__).parents[2]


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def demo_site(folder: Path) -> Path:
    """The bundled demo site on free ports, its history in ``folder``."""
    text = bundled_site("demo").read_text(encoding="utf-8")
    pattern = r"(127\.0\.0\.1:|port: )(\d+)"
    numbers = sorted({match[2] for match in re.finditer(pattern, text)})
    ports = dict(zip(numbers, free_ports(len(numbers)), strict=True))
    text = re.sub(pattern, lambda match: f"{match[1]}{ports[match[2]]}", text)
    text = text.replace("gateway:\n", f"gateway:\n  data: {folder / 'data'}\n")
    file = folder / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return file


class Program:
    """A running ``swaptwin`` command."""

    def __init__(self, *arguments: str | Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        )
        self.lines: list[str] = []
        self._new: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._new.put(line.rstrip("\n"))
        self._new.put(None)

    def wait_for(self, text: str, seconds: float) -> str:
        """The first line that contains ``text``."""
        for line in self.lines:
            if text in line:
                return line
        while True:
            try:
                line = self._new.get(timeout=seconds)
            except queue.Empty:
                raise AssertionError(f"no line with {text!r} within {seconds} s; said: {self.lines}") from None
            if line is None:
                raise AssertionError(f"ended without a line with {text!r}; said: {self.lines}")
            self.lines.append(line)
            if text in line:
                return line

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """The exit code."""
        code = self._process.wait(timeout=seconds)
        self._reader.join(timeout=5.0)
        while not self._new.empty():
            line = self._new.get_nowait()
            if line is not None:
                self.lines.append(line)
        return code

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(timeout=10.0)


@contextmanager
def program(*arguments: str | Path) -> Iterator[Program]:
    """A command that is ended with the block, whatever happened in it."""
    running = Program(*arguments)
    try:
        yield running
    finally:
        running.end()
