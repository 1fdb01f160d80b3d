"""Modbus registers into samples: any registers whatever are converted, and none enters as good that is not."""

from adapters.convert import Converter
from adapters.modbus_decode import Poll
from adapters.modbus_plan import plan
from tests.fuzz.engine import target
from tests.fuzz.holds import Texts, check
from tests.support.adapters import device
from twin.signals import Reason

_TYPES = ("u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "u16")
_SIGNALS = (
    "soc",
    "soh",
    "temperature_c",
    "power_w",
    "voltage_v",
    "current_a",
    "capacity_wh",
    "power_limit_w",
    "energy_wh",
)
_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
_device = device(
    "modbus://127.0.0.1:1502",
    [
        *(
            {
                "signal": signal,
                "address": 8 * at,
                "type": kind,
                "stride": 4,
                "word_order": _ORDERS[at % 4],
                "scale": 0.01,
            }
            for at, (signal, kind) in enumerate(zip(_SIGNALS, _TYPES, strict=True))
        ),
        {"signal": "pack_id", "address": 80, "type": "str", "length": 8, "stride": 8},
        {"signal": "locked", "address": 100, "type": "u32", "bit": 17, "stride": 2},
        {"signal": "door_open", "address": 110, "type": "u32", "bit": 3, "stride": 2, "invalid": [7.0]},
        {"signal": "enabled", "address": 120, "type": "u16", "stride": 1},
        {
            "signal": "charger_state",
            "address": 122,
            "type": "i16",
            "stride": 1,
            "enum": {0: "idle", 3: "fault", -1: "full"},
        },
        {"signal": "occupied", "address": 0, "table": "coil", "stride": 1},
    ],
    max_hole=20,
)
_converter, _intern = Converter(_device.points), Texts()
_polls = [Poll(group.requests, _device.points, _converter) for group in plan(_device)]
_WORDS = sum(request.count for poll in _polls for request in poll.requests)


@target(
    [bytes(2 * _WORDS), bytes(range(256)), b"PK-0001\0" * 40, b"\xff" * (2 * _WORDS), b"\x7f\xc0\x00\x00" * 60],
    share=0.5,
)
def modbus_registers(data: bytes) -> None:
    data = data[: 2 * _WORDS].ljust(2 * _WORDS, b"\x5a")
    at = 0
    for poll in _polls:
        answers: list[bytes | Reason | None] = []
        for request in poll.requests:
            part = data[2 * at : 2 * (at + request.count)]
            at += request.count
            lost = {b"\x13\x37": Reason.SENSOR_FAILURE, b"\x13\x38": None}
            answers.append(lost.get(part[:2], part))
        samples, times = poll.samples(answers, [1.8e9] * len(answers), _intern)
        assert len(times) == len(samples.rows)
        check(samples, _device)
