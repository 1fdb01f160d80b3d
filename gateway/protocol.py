"""What clients may say in ``swap.v1``, and how it is read. Pure."""

from typing import Annotated, Any, Literal, cast

import msgspec
import orjson

SUBPROTOCOL = "swap.v1.json"
BAD_MESSAGE, TOO_MANY, DRAINING, SLOW_CONSUMER = 4400, 4429, 4503, 4508
"""Close codes."""

Id = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Rate = Annotated[float, msgspec.Meta(gt=0.0, le=1000.0)]


class Resume(msgspec.Struct):
    epoch: str
    seq: Id


class Sub(msgspec.Struct, tag_field="t", tag="sub"):
    id: Id
    topic: Annotated[str, msgspec.Meta(max_length=128)]
    max_hz: Rate | None = None
    resume: Resume | None = None
    fields: Any = None


class Unsub(msgspec.Struct, tag_field="t", tag="unsub"):
    id: Id
    sid: Id


class Ping(msgspec.Struct, tag_field="t", tag="ping"):
    id: Id


Message = Sub | Unsub | Ping


class GarbageError(Exception):
    """The client does not speak the protocol: there is no point in going on."""


class RefusalError(Exception):
    """A message that is not carried out; the connection stays."""

    def __init__(
        self, ident: int | None, code: Literal["bad_request", "not_found", "too_many", "unsupported"], message: str
    ) -> None:
        self.ident, self.code = ident, code
        super().__init__(message)


def parse(text: str | None) -> Message:
    """A client's message. ``None`` stands for one that was not text. Raises GarbageError or RefusalError."""
    if text is None:
        raise GarbageError("only text messages are understood")
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise GarbageError("not JSON") from None
    if not isinstance(content, dict):
        raise GarbageError("not a JSON object")
    try:
        return cast(Message, msgspec.convert(content, Message))
    except msgspec.ValidationError as error:
        ident = content.get("id")
        raise RefusalError(ident if type(ident) is int else None, "bad_request", str(error)) from None
