"""What goes wrong between an MQTT or Sparkplug device and its broker. Devices speak MQTT 3.1.1."""

import asyncio
from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

from pydantic import Field, PrivateAttr

from simulators.faults.base import ON_MQTT, Fault, WireFault, same
from simulators.faults.frames import Delivery, Frame, MqttPublish, mqtt_connect, mqtt_publish
from simulators.faults.proxy import Proxy

BIRTHS = (b"/NBIRTH/", b"/DBIRTH/")


class _PublishFault(WireFault):
    """One that looks at the messages which the device publishes."""

    def passes(self, frame: Frame) -> list[Delivery]:
        message = mqtt_publish(frame) if frame.from_device else None
        return [Delivery(frame.data)] if message is None else self.published(message, frame)

    @abstractmethod
    def published(self, message: MqttPublish, frame: Frame) -> list[Delivery]:
        """What becomes of a message."""


class DuplicateMessage(_PublishFault):
    name: ClassVar[str] = "duplicate_message"
    summary: ClassVar[str] = "Messages come twice."
    effects: ClassVar[dict[str, str]] = {
        "mqtt": "the same message again, marked as a duplicate where its QoS knows that",
        "sparkplug": "the same sequence number twice",
    }

    def published(self, message: MqttPublish, frame: Frame) -> list[Delivery]:
        again = replace(message, duplicate=message.qos > 0)
        return [Delivery(frame.data), Delivery(again.encode())]


class LostMessage(_PublishFault):
    name: ClassVar[str] = "lost_message"
    summary: ClassVar[str] = "Messages are lost before the broker has them; give a probability for gaps."
    effects: ClassVar[dict[str, str]] = {"mqtt": "messages missing", "sparkplug": "gaps in the sequence numbers"}

    def published(self, message: MqttPublish, frame: Frame) -> list[Delivery]:
        return []


class ReorderedMessage(_PublishFault):
    name: ClassVar[str] = "reordered_message"
    summary: ClassVar[str] = "Every other message is overtaken by the next ones."
    effects: ClassVar[dict[str, str]] = {
        "mqtt": "an older message of a topic comes after a newer one",
        "sparkplug": "sequence numbers out of order",
    }
    by: int = Field(1, ge=1, le=100, description="messages by which one is overtaken")
    _held: dict[int, list[tuple[int, bytes]]] = PrivateAttr(default_factory=dict)

    def published(self, message: MqttPublish, frame: Frame) -> list[Delivery]:
        held = self._held.setdefault(frame.connection, [])
        if not held:
            held.append((self.by, frame.data))
            return []
        left, data = held.pop()
        if left > 1:
            held.append((left - 1, data))
            return [Delivery(frame.data)]
        return [Delivery(frame.data), Delivery(data)]


class RetainedGhost(_PublishFault):
    name: ClassVar[str] = "retained_ghost"
    summary: ClassVar[str] = "The device publishes nothing more; what the broker retains of it looks alive."
    effects: ClassVar[dict[str, str]] = same("the session stays, retained messages stay, no new ones come", ON_MQTT)

    def published(self, message: MqttPublish, frame: Frame) -> list[Delivery]:
        return []


class MalformedPayload(_PublishFault):
    name: ClassVar[str] = "malformed_payload"
    summary: ClassVar[str] = "Payloads are cut in half."
    effects: ClassVar[dict[str, str]] = {"mqtt": "no JSON any more", "sparkplug": "no payload any more"}

    def published(self, message: MqttPublish, frame: Frame) -> list[Delivery]:
        return [Delivery(replace(message, payload=message.payload[: len(message.payload) // 2]).encode())]


class LostBirth(_PublishFault):
    name: ClassVar[str] = "lost_birth"
    summary: ClassVar[str] = "The device connects anew and its births are lost: data come that nobody can read."
    effects: ClassVar[dict[str, str]] = {"sparkplug": "NDATA and DDATA without NBIRTH and DBIRTH"}

    async def strike(self, proxy: Proxy) -> None:
        proxy.break_all()

    def published(self, message: MqttPublish, frame: Frame) -> list[Delivery]:
        return [] if any(birth in message.topic for birth in BIRTHS) else [Delivery(frame.data)]


class LateWill(WireFault):
    name: ClassVar[str] = "late_will"
    summary: ClassVar[str] = (
        "The device connects anew, and the will of its session before comes after its first message."
    )
    effects: ClassVar[dict[str, str]] = {
        "mqtt": "offline, although the device is there",
        "sparkplug": "NDEATH with the bdSeq of the session before",
    }
    _will: bytes = PrivateAttr(default=b"")

    async def strike(self, proxy: Proxy) -> None:
        connect = mqtt_connect(Frame(proxy.first, True, proxy.protocol, proxy.framing, 0)) if proxy.first else None
        if connect is not None and connect.will_topic is not None:
            will = MqttPublish(connect.will_topic, connect.will_payload, 0, connect.will_retain, False, 0)
            self._will = will.encode()
        proxy.break_all()

    def passes(self, frame: Frame) -> list[Delivery]:
        if not self._will or not frame.from_device or mqtt_publish(frame) is None:
            return [Delivery(frame.data)]
        will, self._will = self._will, b""
        return [Delivery(frame.data), Delivery(will)]


class Takeover(WireFault):
    name: ClassVar[str] = "takeover"
    summary: ClassVar[str] = (
        "Another client uses the device's client id, again and again: the broker throws the device out."
    )
    effects: ClassVar[dict[str, str]] = same("the session ends, the will is published, the device comes back", ON_MQTT)
    every_s: float = Field(5.0, ge=0.2, le=3600.0, description="wall seconds")
    _writers: list[asyncio.StreamWriter] = PrivateAttr(default_factory=list)

    @property
    def period_s(self) -> float:
        return self.every_s

    async def strike(self, proxy: Proxy) -> None:
        await self.leave(proxy)
        if proxy.device is None or not proxy.first:
            return
        try:
            _, writer = await asyncio.open_connection(*proxy.device)
        except OSError:
            return  # no broker, no session to take
        writer.write(proxy.first)
        self._writers.append(writer)

    async def leave(self, proxy: Proxy) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


FAULTS: tuple[type[Fault], ...] = (
    DuplicateMessage,
    LostMessage,
    ReorderedMessage,
    RetainedGhost,
    MalformedPayload,
    LostBirth,
    LateWill,
    Takeover,
)
