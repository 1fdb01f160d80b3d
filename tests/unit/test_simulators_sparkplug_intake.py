"""The emulated edge node takes for a command only what comes on its command topics."""

import asyncio
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import structlog

from simulators.serve import build_faces, build_stations
from simulators.sparkplug import SparkplugFace
from tests.support.emulators import one_station
from tests.support.peers import free_port

STATE = b'{"online":true,"timestamp":1800000000000}'


@pytest.mark.parametrize(
    ("topic", "unreadable"),
    [
        ("spBv1.0/STATE/swaptwin-test", 0),
        ("spBv1.0/STATE/another-host", 0),
        ("spBv1.0/test/NCMD/another-node", 0),
        ("spBv1.0/test/NCMD/S1", 1),
        ("spBv1.0/test/DCMD/S1/cabinet", 1),
    ],
)
async def test_a_state_message_is_no_command(tmp_path: Path, topic: str, unreadable: int) -> None:
    url = f"mqtt://127.0.0.1:{free_port()}"
    loaded = one_station(tmp_path, [{"id": "cabinet", "profile": "sparkplug-swap-cabinet", "url": url}])
    ((face, _),) = build_faces(loaded.bind(), build_stations(loaded, 1_800_000_000.0))
    assert isinstance(face, SparkplugFace)
    await face.start()
    try:
        with structlog.testing.capture_logs() as logged:
            message = paho.MQTTMessage(topic=topic.encode())
            message.payload = STATE
            deliver = face._client.on_message
            assert deliver is not None
            deliver(face._client, None, message)
            done = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(done.set_result, None)
            await done
        assert [line["event"] for line in logged] == ["emulator got an unreadable command"] * unreadable
    finally:
        await face.stop()
