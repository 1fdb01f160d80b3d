"""Which attributes of which doors are a tower device's points, and what their values are to them. Pure."""

from collections.abc import Sequence

from adapters.tower_frames import Key, Report, as_number, door_of
from config.binding import BoundDevice, BoundPoint
from config.tower_checks import TOWER_ALARM
from twin.signals import Kind


class TowerPoints:
    """The points of one device. Rows count them from zero."""

    def __init__(self, device: BoundDevice) -> None:
        self.keys: Sequence[Key] = _keys(device)
        self._rows: dict[Key, list[int]] = {}
        self._rows_of_door: dict[str | None, list[int]] = {}
        for row, key in enumerate(self.keys):
            self._rows.setdefault(key, []).append(row)
            if not key[0].startswith(TOWER_ALARM):
                self._rows_of_door.setdefault(key[1], []).append(row)
        self._is_text = [bound.signal.kind is Kind.TEXT for bound in device.points]
        # A profile may name the states of an enumeration by texts, which may look like numbers.
        self._words = [_words(bound) for bound in device.points]

    def read(self, report: Report) -> dict[int, object]:
        """The raw values of a report, by row; ``None``: it has none. What is no point of the device is left out."""
        raws: dict[int, object] = {}
        if report.full:
            # Of each door that a full report names it says all: what it does not name there has no value any more.
            for door in dict.fromkeys(door for _, door in report.values):
                raws.update(dict.fromkeys(self._rows_of_door.get(door, ()), None))
        for key, value in report.values.items():
            for row in self._rows.get(key, ()):
                as_it_is = self._is_text[row] or (isinstance(value, str) and value.strip() in self._words[row])
                # Cabinets write numbers as text as often as not.
                raws[row] = value if as_it_is else as_number(value)
        return raws


def _words(bound: BoundPoint) -> frozenset[object]:
    keys: tuple[object, ...] = tuple(bound.point.enum or ())
    return frozenset(key for key in keys if isinstance(key, str))


def _keys(device: BoundDevice) -> list[Key]:
    index = {slot: number for number, slot in enumerate(device.station.slots_of(device.device), start=1)}
    return [
        (str(bound.address), None if bound.slot is None else door_of(bound.field or index[bound.slot]))
        for bound in device.points
    ]
