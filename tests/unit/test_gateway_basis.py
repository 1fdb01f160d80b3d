"""A forecast starts when telemetry has told enough, and says how good what it starts from is."""

import numpy as np

from gateway.basis import Bases
from gateway.observe import observe
from tests.support.site_image import Telemetry
from twin.demand import Intensity
from twin.live import LiveTwin
from twin.observation import Estimate

STATION = "S003"
SUMMARY = {"quality": "good", "grid_limit_w": 8000.0, "data_time": 0.0}


class Even:
    """Ten riders an hour, as the site file states."""

    def intensity(self, station: str, start: float, horizon_s: float) -> Intensity:
        return Intensity(start, horizon_s, np.array([10.0 / 3600.0]))

    def basis(self, station: str) -> str:
        return "stated"

    def boosted(self, station: str) -> bool:
        return False


class Desk:
    def __init__(self) -> None:
        self.telemetry = Telemetry(STATION)
        self._twin = LiveTwin(self.telemetry.layout.station.spec(), self.telemetry.clock.now())
        self.estimates: dict[str, Estimate] = {}
        self.bases = Bases(self.telemetry.layouts, self.estimates, {STATION: SUMMARY}, Even())

    def look(self) -> None:
        self._twin.observe(observe(self.telemetry.image, self.telemetry.layout, self.telemetry.clock.now()))
        self.estimates[STATION] = self._twin.estimate()


def test_what_is_not_known_yet_is_not_taken_for_empty() -> None:
    desk = Desk()
    assert desk.bases.of(STATION) is None
    desk.look()
    assert desk.bases.of(STATION) is None
    desk.telemetry.say({("occupied", 1): 1.0, ("soc", 1): 0.5, ("enabled", 1): 1.0, ("charger_state", 1): 2.0})
    desk.look()
    assert desk.bases.of(STATION) is None
    desk.telemetry.say_all_well()
    desk.look()
    basis = desk.bases.of(STATION)
    assert basis is not None
    assert (basis.quality, basis.reason, basis.model) == ("good", None, "ensemble/stated-demand")
    assert basis.case.packs() == desk.telemetry.layout.station.slots - 1
