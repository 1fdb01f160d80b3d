"""The bundled demo as a program, entered once its stations are live."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.client import Stream, stream
from tests.support.programs import demo_site, program
from tests.support.web import address_in


@contextmanager
def live_demo(folder: Path, *, forecast: bool = False) -> Iterator[str]:
    """Gives the address of the gateway. ``forecast``: wait until every station has one, too."""
    with program("demo", "--site", demo_site(folder)) as running:
        address = address_in(running.wait_for("http://", 60.0))

        def live(client: Stream) -> bool:
            stations = client.state.get("stations", {}).values()
            return len(stations) == 6 and all(
                station["quality"] == "good" and (station["forecast_time"] or not forecast) for station in stations
            )

        with stream(address, "stations") as client:
            client.until(live, 60.0)
        yield address
