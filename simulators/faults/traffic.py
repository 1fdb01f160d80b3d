"""Messages that are late, missing, cut or in pieces, whatever their protocol."""

from typing import ClassVar

from pydantic import Field

from simulators.faults.base import MODBUS, OPCUA, TOWER, Fault, WireFault, same
from simulators.faults.frames import Delivery, Frame


class SlowResponse(WireFault):
    name: ClassVar[str] = "slow_response"
    summary: ClassVar[str] = "Everything that the device says comes late."
    effects: ClassVar[dict[str, str]] = {
        "opcua": "publish responses come late",
        "modbus": "answers come late",
        "mqtt": "messages come late",
        "sparkplug": "messages come late",
        "tower": "reports come late",
    }
    delay_s: float = Field(0.5, ge=0.0, le=600.0, description="wall seconds")
    jitter_s: float = Field(
        0.0, ge=0.0, le=600.0, description="up to so many wall seconds more, drawn for each message"
    )

    def passes(self, frame: Frame) -> list[Delivery]:
        if not frame.from_device:
            return [Delivery(frame.data)]
        return [Delivery(frame.data, self.delay_s + self.aim.rng.uniform(0.0, self.jitter_s))]


class NoReply(WireFault):
    name: ClassVar[str] = "no_reply"
    summary: ClassVar[str] = "The device hears and does not answer; its connections stay open."
    effects: ClassVar[dict[str, str]] = {
        "opcua": "responses are missing",
        "modbus": "answers are missing",
        "tower": "reports are missing",
    }

    def passes(self, frame: Frame) -> list[Delivery]:
        return [] if frame.from_device else [Delivery(frame.data)]


class PartialFrame(WireFault):
    name: ClassVar[str] = "partial_frame"
    summary: ClassVar[str] = "Of each message only the first part comes."
    effects: ClassVar[dict[str, str]] = same("the rest of the message never comes; what follows is taken for it")
    keep: float = Field(0.5, gt=0.0, lt=1.0, description="share of the bytes that come, at least one")

    def breaks_at_end(self) -> bool:
        # A stream in which bytes are missing stays wrong for ever.
        return True

    def passes(self, frame: Frame) -> list[Delivery]:
        if not frame.from_device:
            return [Delivery(frame.data)]
        return [Delivery(frame.data[: max(1, int(self.keep * len(frame.data)))])]


class SplitFrames(WireFault):
    name: ClassVar[str] = "split_frames"
    summary: ClassVar[str] = "Messages come in pieces. Nothing is wrong with that: TCP keeps no message together."
    effects: ClassVar[dict[str, str]] = same("each message in several segments", (OPCUA, MODBUS, TOWER))
    bytes_each: int = Field(5, ge=1, le=10_000)
    gap_s: float = Field(0.005, ge=0.0, le=10.0, description="wall seconds between two pieces, of the first 50")

    def passes(self, frame: Frame) -> list[Delivery]:
        if not frame.from_device:
            return [Delivery(frame.data)]
        size = max(self.bytes_each, -(-len(frame.data) // 50))
        return [
            Delivery(frame.data[at : at + size], number * self.gap_s)
            for number, at in enumerate(range(0, len(frame.data), size))
        ]


FAULTS: tuple[type[Fault], ...] = (SlowResponse, NoReply, PartialFrame, SplitFrames)
