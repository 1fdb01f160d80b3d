"""Raw values on their way through an adapter, as tools see them."""

from adapters.convert import Converter, tapped
from tests.support.adapters import device


def test_a_tap_sees_raw_values_as_they_came() -> None:
    points = [{"signal": "soc", "address": "nsu=x;s={slot}", "scale": 0.01}]
    seen: list[tuple[list[int], list[object]]] = []
    with tapped(lambda rows, raws: seen.append((list(rows), list(raws)))):
        converter = Converter(device("opc.tcp://127.0.0.1:1", points).points)
    samples = converter.objects([1, 0], [87.0, "high"], lambda _: 0)
    assert seen == [([1, 0], [87.0, "high"])]
    assert samples.values[0] == 0.87
    untouched = Converter(device("opc.tcp://127.0.0.1:1", points).points)
    untouched.objects([0], [1.0], lambda _: 0)
    assert len(seen) == 1
