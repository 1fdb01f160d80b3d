"""JSON Schemas of both kinds of files, from the models that check them: editors complete and check keys by them."""

import json
from typing import Any, Literal

from pydantic import BaseModel

from config.profile import Profile
from config.site import Site

SchemaKind = Literal["site", "profile"]

_MODELS: dict[str, type[BaseModel]] = {"site": Site, "profile": Profile}
_TITLES = {"site": "swaptwin site file", "profile": "swaptwin device profile"}


def json_schema(kind: SchemaKind) -> str:
    """The schema (draft 2020-12) as text that ends with a line break."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": _TITLES[kind]}
    schema |= _untitled(_MODELS[kind].model_json_schema())
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _untitled(part: Any) -> Any:
    """Without the titles that only repeat the keys; a key that is called title is no title."""
    if isinstance(part, dict):
        return {key: _untitled(value) for key, value in part.items() if key != "title" or isinstance(value, dict)}
    return [_untitled(each) for each in part] if isinstance(part, list) else part
