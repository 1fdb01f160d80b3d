"""YAML as plain data plus the line of every key, and pydantic's errors mapped back onto those lines."""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from config.errors import ConfigError, Problem

Place = tuple[str | int, ...]

M = TypeVar("M", bound=BaseModel)

MAXIMUM_BYTES = 4_000_000
MAXIMUM_DEPTH = 40
MAXIMUM_NODES = 500_000
"""Aliases can make a small file unfold without end."""


@dataclass
class Document:
    """A parsed file: its data and the line on which each key or list item stands."""

    file: Path
    data: Any
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    """Keys that stand twice: the first one counts, so that everything else can be checked too."""

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that has one."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def at(self, place: Place) -> Any:
        """What stands at a place that has a line."""
        found = self.data
        for part in place:
            found = found[part]
        return found

    def problem(self, place: Place, message: str, remedy: str) -> Problem:
        return Problem(self.file, self.line(place), key_of(place), message, remedy)


def key_of(place: Place) -> str:
    """A place as a user writes it.

    >>> key_of(("stations", 0, "devices", 1, "url"))
    'stations[0].devices[1].url'
    """
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _Loader(yaml.SafeLoader):
    """Safe YAML in which ``on``, ``off``, ``yes`` and ``no`` stay words and times stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
yaml.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"),
    list("tTfF"),
    Loader=_Loader,
)


def read(file: Path) -> Document:
    """Read a YAML file. Raises ``ConfigError`` when it cannot be read, is no YAML, or repeats a key."""
    try:
        if file.stat().st_size > MAXIMUM_BYTES:
            raise ConfigError([Problem(file, 1, "", f"larger than {MAXIMUM_BYTES} bytes", "Split the file")])
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            [Problem(file, 1, "", f"cannot be read: {error.strerror}", "Give the path of a readable file")]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            [Problem(file, 1, "", f"is not UTF-8 text (byte {error.start})", "Save it as UTF-8")]
        ) from error
    return parse(text, file)


def parse(text: str, file: Path) -> Document:
    """Parse YAML text that came from ``file``."""
    document = Document(file, None)
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        message = f"is not valid YAML: character {error.character:#x} at {error.position}"
        raise ConfigError([Problem(file, 1, "", message, "Remove the control character")]) from error
    try:
        node = loader.get_single_node()
        if node is None:
            raise ConfigError([Problem(file, 1, "", "is empty", "See docs/reference/site-file.md")])
        document.data = _convert(loader, node, (), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        message = f"is not valid YAML: {error.problem or error.context}"
        raise ConfigError([Problem(file, line, "", message, "Check indentation and quotes there")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(
            [Problem(file, 1, "", f"is not valid YAML: {error}", "Check the file's characters")]
        ) from error
    finally:
        loader.dispose()
    return document


def _convert(loader: _Loader, node: yaml.Node, place: Place, document: Document) -> Any:
    document.lines.setdefault(place, node.start_mark.line + 1)
    if len(document.lines) > MAXIMUM_NODES:
        raise ConfigError([document.problem(place[:1], f"has more than {MAXIMUM_NODES} entries", "Split the file")])
    if len(place) > MAXIMUM_DEPTH:
        raise ConfigError([document.problem(place[:3], "is nested too deeply", "Flatten it")])
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*place, key)
            if key in mapping:
                first = document.lines[here]
                document.problems.append(
                    Problem(
                        document.file,
                        key_node.start_mark.line + 1,
                        key_of(here),
                        f"stands twice (first on line {first})",
                        "Remove one of the two",
                    )
                )
                continue
            document.lines[here] = key_node.start_mark.line + 1
            mapping[key] = _convert(loader, value_node, here, document)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_convert(loader, item, (*place, index), document) for index, item in enumerate(node.value)]
    return loader.construct_object(node, deep=True)


def validate(model: type[M], document: Document, place: Place = (), data: Any = None) -> tuple[M | None, list[Problem]]:
    """Hold part of a document against a schema: the model, or everything that is wrong with it."""
    try:
        return model.model_validate(document.data if data is None else data, context={"deferred": True}), []
    except ValidationError as error:
        return None, [
            _translate(dict(item), model, document, place)
            for item in error.errors(include_url=False, include_context=True)
            if not _is_echo(dict(item))
        ]


def _is_echo(item: dict[str, Any]) -> bool:
    """A list whose items are all wrong is also called too short; that says nothing that its items do not say."""
    given = item.get("input")
    return item["type"] == "too_short" and isinstance(given, list) and len(given) >= item["ctx"]["min_length"]


def _translate(item: dict[str, Any], model: type[BaseModel], document: Document, root: Place) -> Problem:
    place: Place = root + tuple(part for part in item["loc"] if not _is_tag(part, root, item, document))
    kind, given = item["type"], item.get("input")
    if kind == "extra_forbidden":
        known = sorted(_siblings(model, item["loc"]))
        close = difflib.get_close_matches(str(place[-1]), known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"Known keys here: {', '.join(known)}"
        return document.problem(place, "unknown key", hint)
    if kind == "missing":
        return document.problem(place, "is missing", f"Add {place[-1]!r} here")
    message = str(item["msg"]).removeprefix("Value error, ")
    message = (message[0].lower() + message[1:]).rstrip(".") if message else kind
    if kind == "too_short":
        message = f"needs at least {item['ctx']['min_length']} item(s)"
    if isinstance(given, str | int | float | bool):
        message += f" (got {given!r})"
    return document.problem(place, message, _REMEDIES.get(kind, "Correct the value"))


_REMEDIES = {
    "literal_error": "Use one of these words",
    "float_parsing": "Give a number",
    "int_parsing": "Give a whole number",
    "too_short": "List one here",
}


def _is_tag(part: str | int, root: Place, item: dict[str, Any], document: Document) -> bool:
    """Pydantic puts names of union branches and validators into the location; the file has no such keys."""
    if isinstance(part, int) or item["type"] in {"missing", "extra_forbidden"}:
        return False
    names = {str(key) for place in document.lines for key in place}
    return part not in names


def _siblings(model: type[BaseModel], location: tuple[str | int, ...]) -> set[str]:
    """The keys that the schema knows at the place where an unknown one was found."""
    current: Any = model
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            break
        info = current.model_fields.get(str(part))
        current = _model_in(info.annotation) if info else None
    if isinstance(current, type) and issubclass(current, BaseModel):
        return {info.alias or name for name, info in current.model_fields.items()}
    return set()


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
