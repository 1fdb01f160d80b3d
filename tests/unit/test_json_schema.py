"""The published JSON Schemas are those of the models, and every file that comes with swaptwin fits them."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from typer.testing import CliRunner

from config.document import read
from config.json_schema import SchemaKind, json_schema
from config.loader import BUNDLED
from gateway.cli import app

PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "schemas"
FILES = [("profile", file) for file in sorted((BUNDLED / "profiles").glob("*.yaml"))]
FILES += [("site", file) for file in sorted((BUNDLED / "sites").glob("*.yaml"))]


@pytest.mark.parametrize("kind", get_args(SchemaKind))
def test_the_published_schema_is_up_to_date(kind: SchemaKind) -> None:
    published = (PUBLISHED / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert published == json_schema(kind), f"run: swaptwin schema {kind} > docs/reference/schemas/{kind}.schema.json"


@pytest.mark.parametrize("kind", get_args(SchemaKind))
def test_the_command_prints_the_schema(kind: SchemaKind) -> None:
    said = CliRunner().invoke(app, ["schema", kind])
    assert said.exit_code == 0
    assert json.loads(said.stdout) == json.loads(json_schema(kind))


@pytest.mark.parametrize(("kind", "file"), FILES, ids=[file.stem for _, file in FILES])
def test_bundled_files_fit_the_schema_and_name_it_where_it_stands(kind: SchemaKind, file: Path) -> None:
    jsonschema.validate(read(file).data, json.loads(json_schema(kind)))
    first = file.read_text(encoding="utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / named).resolve() == (PUBLISHED / f"{kind}.schema.json").resolve()


@pytest.mark.parametrize(
    "change", [{"protocoll": "modbus"}, {"protocol": "modbuss"}, {"interval_s": 0}, {"points": []}, {"points": [{}]}]
)
def test_a_wrong_key_or_value_does_not_fit(change: dict[str, Any]) -> None:
    data = read(BUNDLED / "profiles" / "daly.yaml").data | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(json_schema("profile")))
