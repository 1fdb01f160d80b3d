"""What Modbus devices and the gateways in front of them do wrong."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from simulators.faults.base import Fault, WireFault
from simulators.faults.frames import Delivery, Frame, ModbusFrame, modbus_frame

READS = frozenset({1, 2, 3, 4})
BIT_READS = frozenset({1, 2})
SINGLE_WRITES = frozenset({5, 6})
WRITES = SINGLE_WRITES | {15, 16}


class _ModbusFault(WireFault):
    """One that looks into messages; those that are none go through."""

    def passes(self, frame: Frame) -> list[Delivery]:
        message = modbus_frame(frame)
        if message is None:
            return [Delivery(frame.data)]
        return self.answered(message, frame) if frame.from_device else self.asked(message, frame)

    def asked(self, message: ModbusFrame, frame: Frame) -> list[Delivery]:
        """What becomes of a request."""
        return [Delivery(frame.data)]

    def answered(self, message: ModbusFrame, frame: Frame) -> list[Delivery]:
        """What becomes of an answer."""
        return [Delivery(frame.data)]


class ModbusException(_ModbusFault):
    name: ClassVar[str] = "modbus_exception"
    summary: ClassVar[str] = "The device answers requests with an exception."
    effects: ClassVar[dict[str, str]] = {
        "modbus": "exception 1 function, 2 address, 3 value, 4 device failure, 6 busy, 11 no answer behind the gateway"
    }
    code: int = Field(4, ge=1, le=255)

    def asked(self, message: ModbusFrame, frame: Frame) -> list[Delivery]:
        answer = replace(message, pdu=bytes([message.function | 0x80, self.code]))
        return [Delivery(answer.encode(), back=True)]


class WrongUnit(_ModbusFault):
    name: ClassVar[str] = "wrong_unit"
    summary: ClassVar[str] = "Answers carry another unit's number."
    effects: ClassVar[dict[str, str]] = {"modbus": "unit number one higher than asked"}

    def answered(self, message: ModbusFrame, frame: Frame) -> list[Delivery]:
        return [Delivery(replace(message, unit=message.unit % 247 + 1).encode())]


class WrongTransaction(_ModbusFault):
    name: ClassVar[str] = "wrong_transaction"
    summary: ClassVar[str] = "Answers carry another request's transaction number."
    effects: ClassVar[dict[str, str]] = {"modbus": "transaction number one higher than asked (RTU has none)"}

    def answered(self, message: ModbusFrame, frame: Frame) -> list[Delivery]:
        if message.transaction is None:
            return [Delivery(frame.data)]
        return [Delivery(replace(message, transaction=(message.transaction + 1) % 0x10000).encode())]


class ShortAnswer(_ModbusFault):
    name: ClassVar[str] = "short_answer"
    summary: ClassVar[str] = "Answers hold fewer values than were asked for, and call that success."
    effects: ClassVar[dict[str, str]] = {"modbus": "byte count and data shorter, consistent in themselves"}
    missing: int = Field(1, ge=1, le=125, description="registers, or eights of bits")

    def answered(self, message: ModbusFrame, frame: Frame) -> list[Delivery]:
        if message.function not in READS:
            return [Delivery(frame.data)]
        size = self.missing * (1 if message.function in BIT_READS else 2)
        data = message.pdu[2:-size] if size < len(message.pdu) - 2 else b""
        return [Delivery(replace(message, pdu=bytes([message.function, len(data)]) + data).encode())]


class DuplicateAnswer(_ModbusFault):
    name: ClassVar[str] = "duplicate_answer"
    summary: ClassVar[str] = "Each answer comes twice."
    effects: ClassVar[dict[str, str]] = {"modbus": "the second copy comes when the next answer is due"}

    def answered(self, message: ModbusFrame, frame: Frame) -> list[Delivery]:
        return [Delivery(frame.data), Delivery(frame.data)]


class IgnoredWrites(_ModbusFault):
    name: ClassVar[str] = "ignored_writes"
    summary: ClassVar[str] = (
        "Writes are confirmed and not carried out: set-points do not take, keep-alives do not count."
    )
    effects: ClassVar[dict[str, str]] = {"modbus": "functions 5, 6, 15 and 16 are confirmed but never reach the device"}

    def asked(self, message: ModbusFrame, frame: Frame) -> list[Delivery]:
        if message.function not in WRITES:
            return [Delivery(frame.data)]
        return [Delivery(replace(message, pdu=message.pdu[:5]).encode(), back=True)]


FAULTS: tuple[type[Fault], ...] = (
    ModbusException,
    WrongUnit,
    WrongTransaction,
    ShortAnswer,
    DuplicateAnswer,
    IgnoredWrites,
)
