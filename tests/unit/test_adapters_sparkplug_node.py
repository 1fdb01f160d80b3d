"""What an edge node's messages mean: births, deaths, aliases, and the one sequence of a node and its devices."""

from adapters.sparkplug_node import REPEATS, EdgeNode, Event, Taken
from adapters.sparkplug_payload import decode
from simulators.sparkplug_wire import DOUBLE, INT64, Told, message

SOC = Told(50.0, DOUBLE, name="SoC", alias=1, in_birth=True)


class Talk:
    """A node that is told messages in turn."""

    def __init__(self, device: str | None = "D") -> None:
        self.node = EdgeNode(device)
        self.now = 0.0

    def hears(self, kind: str, seq: int | None, *metrics: Told, device: str | None = "D") -> Taken:
        payload = decode(message(1_800_000_000_000, seq, list(metrics)))
        return self.node.take(kind, device if kind.startswith("D") else None, payload, self.now)

    def born(self, seq: int = 0, bd_seq: int = 4) -> None:
        self.hears("NBIRTH", seq, Told(bd_seq, INT64, name="bdSeq", in_birth=True))
        assert self.hears("DBIRTH", (seq + 1) % 256, SOC).event is Event.BIRTH


def data(value: float = 60.0, alias: int = 1) -> Told:
    return Told(value, DOUBLE, alias=alias)


def values(taken: Taken) -> dict[str, object]:
    return {name: metric.value(datatype) for name, metric, datatype in taken.metrics}


def test_data_after_a_birth_are_read_by_alias() -> None:
    talk = Talk()
    talk.born()
    assert values(talk.hears("DDATA", 2, data(61.0))) == {"SoC": 61.0}
    assert talk.node.wants_birth is None


def test_data_before_a_birth_ask_for_one() -> None:
    talk = Talk()
    assert talk.hears("DDATA", 5, data()).event is Event.NOTHING
    assert talk.node.wants_birth == "DDATA without NBIRTH"
    talk.born()
    assert talk.node.wants_birth is None
    talk.hears("DDEATH", 2)
    assert talk.hears("DDATA", 3, data()).event is Event.NOTHING
    assert talk.node.wants_birth == "DDATA without DBIRTH"


def test_the_sequence_wraps_and_is_shared_with_other_devices() -> None:
    talk = Talk()
    talk.born()
    for number in range(2, 600):
        if number % 3:
            assert talk.hears("DDATA", number % 256, data(float(number))).event is Event.DATA
        else:
            talk.hears("DDATA", number % 256, data(), device="other")
    assert talk.node.gap_since is None
    assert talk.node.wants_birth is None


def test_any_first_number_of_a_birth_is_taken() -> None:
    talk = Talk()
    talk.born(seq=255)
    assert talk.hears("DDATA", 1, data()).event is Event.DATA
    assert talk.node.gap_since is None


def test_a_gap_that_is_filled_in_time_is_forgotten_and_one_that_is_not_asks_for_a_birth() -> None:
    talk = Talk()
    talk.born()
    talk.now = 10.0
    assert talk.hears("DDATA", 3, data()).event is Event.DATA
    assert talk.node.gap_since == 10.0
    assert not talk.node.overdue(11.0, 2.0)
    assert talk.hears("DDATA", 2, data()).event is Event.DATA
    assert talk.node.gap_since is None
    talk.hears("DDATA", 6, data())
    assert talk.node.overdue(12.5, 2.0)
    assert talk.node.wants_birth == "2 messages were lost"
    talk.born()
    assert talk.node.gap_since is None


def test_a_message_that_was_there_before_is_dropped_and_many_of_them_are_a_new_sequence() -> None:
    talk = Talk()
    talk.born()
    talk.hears("DDATA", 2, data())
    assert [talk.hears("DDATA", 2, data()).event for _ in range(REPEATS)] == [Event.REPEATED] * REPEATS
    assert talk.node.wants_birth is None
    talk.hears("DDATA", 2, data())
    assert talk.node.wants_birth == "its sequence began anew without a birth"


def test_only_the_death_of_the_present_connection_counts() -> None:
    talk = Talk()
    talk.born(bd_seq=4)
    assert talk.hears("NDEATH", None, Told(3, INT64, name="bdSeq")).event is Event.REPEATED
    assert talk.node.born
    assert talk.hears("NDEATH", None, Told(4, INT64, name="bdSeq")).event is Event.DEATH
    assert not talk.node.born
    assert not talk.node.aliases


def test_the_death_of_another_device_is_none_of_ours() -> None:
    talk = Talk()
    talk.born()
    assert talk.hears("DDEATH", 2, device="other").event is Event.NOTHING
    assert talk.node.born
    assert talk.hears("DDEATH", 3).event is Event.DEATH
    assert talk.node.is_childless


def test_metrics_of_the_edge_node_itself_are_read_without_a_device() -> None:
    talk = Talk(device=None)
    assert talk.hears("NBIRTH", 0, Told(0, INT64, name="bdSeq", in_birth=True), SOC).event is Event.BIRTH
    assert values(talk.hears("NDATA", 1, data(70.0))) == {"SoC": 70.0}
    assert talk.hears("DDATA", 2, data()).event is Event.NOTHING


def test_an_alias_that_no_birth_gave_asks_for_a_birth_and_costs_the_others_nothing() -> None:
    talk = Talk()
    talk.born()
    assert values(talk.hears("DDATA", 2, data(55.0), data(1.0, alias=9))) == {"SoC": 55.0}
    assert talk.node.wants_birth == "DDATA with a metric that its birth did not name"


def test_a_message_without_a_number_asks_for_a_birth() -> None:
    talk = Talk()
    talk.born()
    assert talk.hears("DDATA", None, data(58.0)).event is Event.DATA
    assert talk.node.wants_birth == "a message without sequence number"
