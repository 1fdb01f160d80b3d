"""What a device does by itself when nobody speaks to it any more, and what keeps it from doing so."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.strict import Strict

RegisterNumber = Annotated[int, Field(ge=0, le=65_536)]


class DeviceRegister(Strict):
    """A holding register of the device itself, which no signal of the vocabulary names."""

    address: RegisterNumber | None = None
    """Where it is read; none where it cannot be."""
    write_address: RegisterNumber | None = None
    """Where it is written; none where it cannot be."""
    type: Literal["u16", "i16", "u32", "i32", "f32"] = "u16"
    scale: Annotated[float, Field(gt=0.0)] = 1.0

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.address is None and self.write_address is None:
            raise ValueError("give 'address', 'write_address' or both")
        return self


class FailSafe(Strict):
    """The device's own watchdog: when it is not fed in time, a signal of each slot falls back to a safe value."""

    fed_by: Literal["poll", "write", "keepalive"]
    """``poll``: any request feeds it; ``write``: writing ``signal``; ``keepalive``: writing the profile's keepalive."""
    timeout_s: Annotated[float, Field(gt=0.0, le=65_535.0)]
    """What the device is delivered with."""
    signal: str
    """The slot signal that falls back."""
    fallback: float
    """To which value, in the signal's unit, as the device is delivered."""
    timeout: DeviceRegister | None = None
    """Where the device keeps the time-out, in seconds."""
    fallback_register: DeviceRegister | None = None
    """Where it keeps the fallback, in the signal's unit."""
    remaining: DeviceRegister | None = None
    """Where it tells the seconds that are left."""
    fault_bit: Annotated[int, Field(ge=0, le=52)] | None = None
    """The bit of ``fault_bits`` that stands while the device has fallen back."""


class Keepalive(Strict):
    """A register that the gateway must write again and again, for a device that otherwise falls back."""

    address: RegisterNumber
    value: int = 1
    type: Literal["u16", "i16", "u32", "i32"] = "u16"
    interval_s: Annotated[float, Field(ge=0.5, le=3600.0)]
