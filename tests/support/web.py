"""Plain GET requests on loopback."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import yaml


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10.0) as answer:
        return json.load(answer)


def truth_address(site: Path) -> str:
    port = yaml.safe_load(site.read_text(encoding="utf-8"))["emulation"]["truth_port"]
    return f"http://127.0.0.1:{port}"


def address_in(line: str) -> str:
    match = re.search(r"http://[\d.]+:\d+", line)
    assert match, line
    return match[0]
