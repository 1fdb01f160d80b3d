"""Every fault on devices that report by themselves, Sparkplug B and tower cabinets: on a bench of their own, since
all at once would keep one process busier than the bounds allow for.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.bench import Bench, bench
from tests.support.fault_table import CLOCK, TABLE, Row, strike

PROTOCOLS = ("sparkplug", "tower")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    async with bench(tmp_path_factory.mktemp("bench"), CLOCK, PROTOCOLS) as running:
        yield running


@pytest.mark.timeout(180)
@pytest.mark.parametrize("row", [row for row in TABLE if row.on(PROTOCOLS)], ids=str)
@pytest.mark.asyncio(loop_scope="module")
async def test_fault(rig: Bench, row: Row) -> None:
    await strike(rig, row)
