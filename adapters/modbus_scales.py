"""Scale registers: exponents of ten that a device gives beside its values. Vectorised over a poll."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adapters.convert import Codes, Converted, Floats
from adapters.modbus_plan import Request
from config.binding import BoundPoint
from twin.signals import Reason

MAXIMUM_EXPONENT = 10
"""Beyond it no exponent is meant: SunSpec's scale factors end there."""
NO_EXPONENT = -0x8000
"""What SunSpec writes where a scale factor is not implemented."""

_POWERS = 10.0 ** np.arange(-MAXIMUM_EXPONENT, MAXIMUM_EXPONENT + 1)


class Scales:
    """The scale registers of a poll: which samples they scale, and where they lie on the wire."""

    def __init__(self, requests: Sequence[Request], points: Sequence[BoundPoint]) -> None:
        sample_of = {row: sample for sample, row in enumerate(row for request in requests for row in request.rows)}
        members: list[tuple[int, int, int]] = []
        start = 0
        for number, request in enumerate(requests):
            for row in request.scales:
                place = start + ((points[row].scale_address or 0) - request.address) // request.step
                members.append((sample_of[row], place, number))
            start += request.count
        columns = np.array(members, dtype=np.int64).reshape(-1, 3)
        self._at, self._places, self._requests = columns[:, 0], columns[:, 1], columns[:, 2]

    def factors(self, wire: NDArray[np.uint16], count: int) -> Floats | None:
        """What each of ``count`` samples is multiplied with, NaN where its scale register holds no exponent.

        ``None`` where nothing is scaled.
        """
        if self._at.size == 0:
            return None
        exponents = self._exponents(wire)
        within = np.abs(exponents) <= MAXIMUM_EXPONENT
        factors = np.ones(count)
        factors[self._at] = np.where(within, _POWERS[np.where(within, exponents, 0) + MAXIMUM_EXPONENT], np.nan)
        return factors

    def explain(self, wire: NDArray[np.uint16], samples: Converted) -> None:
        """Give the samples whose scale register holds no exponent their reason."""
        exponents = self._exponents(wire)
        wrong = np.abs(exponents) > MAXIMUM_EXPONENT
        at = self._at[wrong]
        absent = (exponents[wrong] == NO_EXPONENT) | (samples.reasons[at] == int(Reason.NOT_CONFIGURED))
        reasons = np.where(absent, int(Reason.NOT_CONFIGURED), int(Reason.SENSOR_FAILURE)).astype(np.uint8)
        samples.put(at, np.full(len(at), np.nan), reasons)

    def refuse(self, refused: Codes, reasons: Codes) -> None:
        """A value is refused with its scale register. ``refused``: reasons of requests; ``reasons``: of samples."""
        reasons[self._at] = np.where(reasons[self._at] == 0, refused[self._requests], reasons[self._at])

    def leave_out(self, missing: NDArray[np.bool_], answered: NDArray[np.bool_]) -> None:
        """A value has no answer without its scale register's. ``missing``: of requests; ``answered``: of samples."""
        answered[self._at] &= ~missing[self._requests]

    def _exponents(self, wire: NDArray[np.uint16]) -> NDArray[np.int64]:
        return wire[self._places].astype(np.uint16).view(np.int16).astype(np.int64)
