"""What must hold of every sample that comes out of a conversion, whatever went in."""

import numpy as np

from adapters.convert import Converted
from config.binding import BoundDevice
from twin.signals import Kind, Quality, Reason


class Texts:
    """An ``intern`` that does not grow without end."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, text: str) -> int:
        assert text
        assert text.isprintable()
        self.count += 1
        return self.count % 1000


def check(samples: Converted, device: BoundDevice) -> None:
    """A good value is finite and within its signal's range; a bad one is NaN and has a reason."""
    assert len(samples.rows) == len(samples.values) == len(samples.qualities) == len(samples.reasons)
    good = samples.qualities == int(Quality.GOOD)
    assert np.isin(samples.qualities, [int(quality) for quality in Quality]).all()
    assert np.isin(samples.reasons, [int(reason) for reason in Reason]).all()
    assert (samples.reasons[good] == int(Reason.NONE)).all()
    assert (samples.reasons[~good] != int(Reason.NONE)).all()
    assert np.isnan(samples.values[samples.qualities == int(Quality.BAD)]).all()
    for row, value in zip(samples.rows[good].tolist(), samples.values[good].tolist(), strict=True):
        signal = device.points[row].signal
        assert np.isfinite(value)
        if signal.kind is Kind.TEXT:
            assert value >= 0.0
            continue
        assert signal.minimum <= value <= signal.maximum, signal.name
        if signal.kind is Kind.BOOL:
            assert value in (0.0, 1.0), signal.name
        if signal.kind is Kind.ENUM:
            assert value in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0), signal.name
