"""OPC UA values: objects of any type whatever are converted, and none enters as good that is not."""

import datetime
import json
import uuid

from adapters.convert import Converter
from tests.fuzz.engine import target
from tests.fuzz.holds import Texts, check
from tests.support.adapters import device

_SIGNALS = ("soc", "power_w", "pack_id", "occupied", "cycle_count", "pack_fault_bits")
_device = device(
    "opc.tcp://127.0.0.1:4840",
    [
        *({"signal": signal, "address": "nsu=urn:t;s={slot}." + signal} for signal in _SIGNALS),
        {"signal": "charger_state", "address": "nsu=urn:t;s={slot}.c", "enum": {0: "idle", 1: "charging", 2: "full"}},
        {"signal": "locked", "address": "nsu=urn:t;s={slot}.b", "bit": 0, "invalid": [255]},
        {"signal": "voltage_v", "address": "nsu=urn:t;s={slot}.v", "scale": -0.1, "sign": -1, "invalid": [-1, 65535]},
    ],
    slots=1,
)
_converter, _intern = Converter(_device.points), Texts()
_ROWS = list(range(len(_device.points)))
_EXOTIC = (
    b"bytes",
    datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    uuid.UUID(int=0),
    1j,
    object(),
    (1, 2),
    range(3),
    datetime.timedelta(days=1),
)


class _Odd(int):
    """A library's own kind of number."""


@target(
    [b'[0.5, 100, "PK-1", true, 12, 3, 1, 5, 520]', b"[null, null, null, null, null, null, null, null, null]"],
    share=1.0,
)
def opcua_values(data: bytes) -> None:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = [data, data[:8].decode("latin-1")]
    values = values if isinstance(values, list) else [values]
    picked = data[-1] if data else 0
    raws = [values[at % len(values)] if values else None for at in _ROWS]
    raws[picked % len(raws)] = _EXOTIC[picked % len(_EXOTIC)] if picked & 1 else _Odd(picked)
    check(_converter.objects(_ROWS, raws, _intern), _device)
