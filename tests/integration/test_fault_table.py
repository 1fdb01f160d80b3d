"""Every fault on OPC UA, Modbus and MQTT, and what must come of it (``tests.support.fault_table``)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.bench import Bench, bench
from tests.support.fault_table import CLOCK, TABLE, Row, strike

PROTOCOLS = ("opcua", "modbus", "mqtt")


def test_the_table_has_at_least_sixty_cells() -> None:
    assert sum(len(row.cells) for row in TABLE) >= 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    async with bench(tmp_path_factory.mktemp("bench"), CLOCK, PROTOCOLS) as running:
        yield running


@pytest.mark.timeout(180)
@pytest.mark.parametrize("row", [row for row in TABLE if row.on(PROTOCOLS)], ids=str)
@pytest.mark.asyncio(loop_scope="module")
async def test_fault(rig: Bench, row: Row) -> None:
    await strike(rig, row)
