"""Whatever a client sends, the gateway answers, refuses or closes; it never fails."""

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_support import connected, start
from websockets.exceptions import ConnectionClosed

from config.clock import RealClock

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.integers(-1, 5) | st.integers() | st.floats()
REQUESTS = st.fixed_dictionaries(
    {"t": st.sampled_from(["sub", "unsub", "ping", "auth", "snap", ""])},
    optional={
        "id": NUMBERS | JSON,
        "topic": st.sampled_from(["stations", "station/S1", "nothing"]) | JSON,
        "sid": NUMBERS | JSON,
        "max_hz": NUMBERS | JSON,
        "resume": st.fixed_dictionaries({"epoch": st.text(max_size=4), "seq": NUMBERS}) | JSON,
        "fields": JSON,
    },
)
MESSAGES = REQUESTS.map(json.dumps) | JSON.map(json.dumps) | st.text(max_size=20) | st.binary(max_size=20)


def test_no_message_makes_the_stream_fail(caplog: pytest.LogCaptureFixture) -> None:
    with asyncio.Runner() as runner:
        gateway = runner.run(start(RealClock()))
        gateway.hub.publish("stations", {"S1": {"ready": 1}})
        gateway.hub.publish("station/S1", {"station": {"ready": 1}})

        async def exchange(messages: list[Any]) -> None:
            async with connected(gateway) as client:
                with suppress(ConnectionClosed):
                    for message in messages:
                        await client.connection.send(message)
                    await client.send(t="ping", id=424242)
                    while (await client.receive()).get("id") != 424242:
                        pass
                    return
                assert client.connection.close_code == 4400

        @settings(max_examples=150, deadline=None)
        @given(st.lists(MESSAGES, max_size=8))
        def fuzz(messages: list[Any]) -> None:
            runner.run(exchange(messages))

        fuzz()
        runner.run(gateway.stop())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
