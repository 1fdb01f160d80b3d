"""Things that really happen at a station. Devices report them truly; what follows is physics."""

from typing import ClassVar

from pydantic import Field, PrivateAttr

from simulators.faults.base import Fault, StationFault, same
from simulators.slot import Slot
from simulators.station import PhysicalStation
from twin.signals import ChargerState

RUNAWAY_C_PER_S = 5.0
RUNAWAY_TO_C = 300.0


class _Around(StationFault):
    """One that concerns the station as a whole."""


class _AtSlots(StationFault):
    """One that concerns slots: those aimed at, else one that suits, drawn by the fault's seed."""

    _slots: dict[str, list[int]] = PrivateAttr(default_factory=dict)

    def begin(self, now: float) -> None:
        for station in self.aim.stations:
            suitable = [slot.number for slot in station.slots if self.suits(slot)]
            self._slots[station.id] = self.chosen(station, suitable)
            for slot in self.slots_of(station):
                self.strike(station, slot)

    def picked(self) -> dict[str, list[int]]:
        return dict(self._slots)

    def slots_of(self, station: PhysicalStation) -> list[Slot]:
        return [station.slots[number - 1] for number in self._slots.get(station.id, [])]

    def disturb(self, station: PhysicalStation, seconds: float) -> None:
        for slot in self.slots_of(station):
            self.hold(slot, seconds)

    def suits(self, slot: Slot) -> bool:
        """Whether the fault may pick a slot by itself."""
        return slot.pack is not None and not slot.promised

    def strike(self, station: PhysicalStation, slot: Slot) -> None:
        """What happens once, when it begins."""

    def hold(self, slot: Slot, seconds: float) -> None:
        """What holds for as long as it lasts."""


class MainsLost(_Around):
    name: ClassVar[str] = "mains_lost"
    summary: ClassVar[str] = "The grid is gone: no charger gets power, the controller lives on its buffer."
    effects: ClassVar[dict[str, str]] = same("mains_ok false; power, mains voltage and frequency fall to zero")

    def disturb(self, station: PhysicalStation, seconds: float) -> None:
        station.surroundings.mains_ok = False


class Smoke(_Around):
    name: ClassVar[str] = "smoke"
    summary: ClassVar[str] = "The smoke sensor trips."
    effects: ClassVar[dict[str, str]] = same("smoke true, where the device reports it")

    def disturb(self, station: PhysicalStation, seconds: float) -> None:
        station.surroundings.smoke = True


class WaterLeak(_Around):
    name: ClassVar[str] = "water_leak"
    summary: ClassVar[str] = "The water sensor trips."
    effects: ClassVar[dict[str, str]] = same("water_leak true, where the device reports it")

    def disturb(self, station: PhysicalStation, seconds: float) -> None:
        station.surroundings.water_leak = True


class ServiceDoorOpen(_Around):
    name: ClassVar[str] = "service_door_open"
    summary: ClassVar[str] = "The cabinet's service door stands open."
    effects: ClassVar[dict[str, str]] = same("the station's door_open true")

    def disturb(self, station: PhysicalStation, seconds: float) -> None:
        station.surroundings.door_open = True


class DoorLeftOpen(_AtSlots):
    name: ClassVar[str] = "door_left_open"
    summary: ClassVar[str] = "The door of a slot stands open while its pack charges, or is full."
    effects: ClassVar[dict[str, str]] = same("the slot's door_open true and locked false, its charger as before")

    def hold(self, slot: Slot, seconds: float) -> None:
        slot.door_stuck = True


class PackSwapped(_AtSlots):
    name: ClassVar[str] = "pack_swapped"
    summary: ClassVar[str] = "Another pack, as full, stands in the slot from one moment to the next; no door was open."
    effects: ClassVar[dict[str, str]] = same("pack_id, soh, cycle_count change in the midst of charging")
    instant: ClassVar[bool] = True

    def strike(self, station: PhysicalStation, slot: Slot) -> None:
        station.swap_pack(slot.number)


class SocJump(_AtSlots):
    name: ClassVar[str] = "soc_jump"
    summary: ClassVar[str] = "A pack's state of charge jumps: its management corrects itself."
    effects: ClassVar[dict[str, str]] = same("soc changes at once and goes on from there")
    instant: ClassVar[bool] = True
    by: float = Field(-0.3, ge=-1.0, le=1.0)

    def strike(self, station: PhysicalStation, slot: Slot) -> None:
        if slot.pack is not None:
            slot.pack.soc = min(max(slot.pack.soc + self.by, 0.0), 1.0)


class DuplicatePack(_AtSlots):
    name: ClassVar[str] = "duplicate_pack"
    summary: ClassVar[str] = "Two packs have the same serial number: that of the first occupied slot."
    effects: ClassVar[dict[str, str]] = same("one pack_id in two slots")
    _own: list[tuple[Slot, str]] = PrivateAttr(default_factory=list)

    def suits(self, slot: Slot) -> bool:
        return super().suits(slot) and slot.number > 1

    def strike(self, station: PhysicalStation, slot: Slot) -> None:
        first = next((other.pack for other in station.slots if other.pack is not None and other is not slot), None)
        if slot.pack is not None and first is not None:
            self._own.append((slot, slot.pack.serial))
            slot.pack.serial = first.serial

    def end(self) -> None:
        for slot, serial in self._own:
            if slot.pack is not None:
                slot.pack.serial = serial


class OverTemperature(_AtSlots):
    name: ClassVar[str] = "over_temperature"
    summary: ClassVar[str] = "A pack is too hot. It cools by itself when this is over."
    effects: ClassVar[dict[str, str]] = same(
        "temperature_c at least this; the charger derates above 45 and trips above 60"
    )
    temperature_c: float = Field(70.0, ge=-40.0, le=140.0)

    def strike(self, station: PhysicalStation, slot: Slot) -> None:
        self.hold(slot, 0.0)

    def hold(self, slot: Slot, seconds: float) -> None:
        if slot.pack is not None:
            slot.pack.temperature_c = max(slot.pack.temperature_c, self.temperature_c)


class Fire(_AtSlots):
    name: ClassVar[str] = "fire"
    summary: ClassVar[str] = "A pack runs away thermally: it heats by itself, and there is smoke."
    effects: ClassVar[dict[str, str]] = same("temperature_c rises by 5 K a second beyond any range; smoke true")

    def disturb(self, station: PhysicalStation, seconds: float) -> None:
        station.surroundings.smoke = True
        super().disturb(station, seconds)

    def hold(self, slot: Slot, seconds: float) -> None:
        if slot.pack is not None:
            slot.pack.temperature_c = min(slot.pack.temperature_c + RUNAWAY_C_PER_S * seconds, RUNAWAY_TO_C)


class ChargerDegraded(_AtSlots):
    name: ClassVar[str] = "charger_degraded"
    summary: ClassVar[str] = "A charger gives only a part of its power."
    effects: ClassVar[dict[str, str]] = same("power_w and current_a lower, the state still charging")
    share: float = Field(0.4, ge=0.0, le=1.0, description="of its power that is left")

    def suits(self, slot: Slot) -> bool:
        return slot.charger.state is ChargerState.CHARGING

    def hold(self, slot: Slot, seconds: float) -> None:
        slot.charger.health = self.share


class ChargerFault(_AtSlots):
    name: ClassVar[str] = "charger_fault"
    summary: ClassVar[str] = "A charger has failed."
    effects: ClassVar[dict[str, str]] = same("charger_state fault, no power")

    def hold(self, slot: Slot, seconds: float) -> None:
        slot.charger.broken = True


class SlotDisabled(_AtSlots):
    name: ClassVar[str] = "slot_disabled"
    summary: ClassVar[str] = "A slot is out of service."
    effects: ClassVar[dict[str, str]] = same("enabled false, charger_state disabled")

    def hold(self, slot: Slot, seconds: float) -> None:
        slot.charger.shut = True


FAULTS: tuple[type[Fault], ...] = (
    DoorLeftOpen,
    PackSwapped,
    SocJump,
    DuplicatePack,
    OverTemperature,
    Fire,
    Smoke,
    WaterLeak,
    ServiceDoorOpen,
    MainsLost,
    ChargerDegraded,
    ChargerFault,
    SlotDisabled,
)
