"""MQTT payloads of JSON: only ``ValueError`` comes of any bytes."""

import json
import math

from adapters.convert import Converter
from adapters.mqtt_payload import parse, source_time, topics
from tests.fuzz.engine import target
from tests.fuzz.holds import Texts, check
from tests.support.adapters import device

_FIELDS = {
    "occupied": "occupied",
    "soc": "pack.soc",
    "pack_id": "pack.id",
    "voltage_v": "cells.1.v",
    "cycle_count": "pack.cycles",
}
_device = device(
    "mqtt://127.0.0.1",
    [
        *({"signal": signal, "address": "t/{slot}", "field": field} for signal, field in _FIELDS.items()),
        {
            "signal": "charger_state",
            "address": "t/{slot}",
            "field": "state",
            "enum": {0: "idle", 1: "charging", 7: "fault"},
        },
        {"signal": "locked", "address": "t/{slot}", "field": "flags", "bit": 3},
        {
            "signal": "temperature_c",
            "address": "t/{slot}",
            "field": "pack.t",
            "scale": 0.1,
            "offset": -40.0,
            "invalid": [-1],
        },
    ],
    slots=1,
)
_topic = topics(_device.points)["t/1"]
_converter, _intern = Converter(_device.points), Texts()
_PAYLOAD = {
    "ts": 1_800_000_000_000,
    "occupied": True,
    "state": 1,
    "flags": 9,
    "cells": [{"v": 3.1}, {"v": 52.5}],
    "pack": {"soc": 0.5, "id": "PK-1", "cycles": 10, "t": 650},
}


@target([json.dumps(_PAYLOAD).encode(), b'{"pack": {"soc": NaN}}', b"[1, 2, [3]]", b'"text"'], share=4.0)
def mqtt_json(data: bytes) -> None:
    try:
        document = parse(data)
    except ValueError:
        return
    time = source_time(document, ("ts",), "ms")
    assert isinstance(time, float)
    assert math.isnan(time) or math.isfinite(time)
    rows, raws = _topic.read(document)
    check(_converter.objects(rows, raws, _intern), _device)
