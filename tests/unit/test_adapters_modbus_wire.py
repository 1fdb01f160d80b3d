"""Of all that comes over a Modbus wire, only the answer to the request is taken."""

import contextlib
import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import adapters.modbus
from adapters import modbus_wire
from adapters.modbus_wire import (
    BIT_CODES,
    MAXIMUM_FRAME,
    READ_CODES,
    Framing,
    MalformedError,
    RefusedError,
    RtuFraming,
    TcpFraming,
    check_written,
    crc,
    read_answer,
    read_request,
    write_coil_request,
    write_request,
)

FRAMINGS = [TcpFraming(), RtuFraming()]
both = pytest.mark.parametrize("framing", FRAMINGS, ids=["tcp", "rtu"])

units = st.integers(0, 255)
numbers = st.integers(1, 0xFFFF)
tables = st.sampled_from(sorted(READ_CODES))


def answer_to(request: bytes, fill: bytes = b"\x12\x34") -> bytes:
    count = int.from_bytes(request[3:5], "big")
    size = (count + 7) // 8 if request[0] in BIT_CODES else 2 * count
    return bytes([request[0], size]) + (fill * size)[:size]


def test_requests_are_the_bytes_of_the_specification() -> None:
    """The examples of the Modbus application protocol V1.1b3, sections 6.1 to 6.12."""
    assert read_request("coil", 19, 19).hex() == "0100130013"
    assert read_request("discrete", 196, 22).hex() == "0200c40016"
    assert read_request("holding", 107, 3).hex() == "03006b0003"
    assert read_request("input", 8, 1).hex() == "0400080001"
    assert write_coil_request(172, True).hex() == "0500acff00"
    assert write_request(1, b"\x00\x03").hex() == "0600010003"
    assert write_request(1, bytes.fromhex("000a0102")).hex() == "100001000204000a0102"
    assert write_request(1, b"\x00\x0a", several=True).hex() == "100001000102000a"
    assert write_coil_request(19, True, several=True).hex() == "0f001300010101"


def test_frames_are_the_bytes_that_devices_expect() -> None:
    request = read_request("holding", 0, 1)
    assert TcpFraming().frame(0x1501, 7, request).hex() == "150100000006070300000001"
    assert RtuFraming().frame(0, 1, request).hex() == "010300000001840a"


def test_bits_become_registers_of_zero_and_one() -> None:
    request = read_request("coil", 19, 10)
    registers = read_answer(bytes.fromhex("0102cd02"), request)
    assert [int.from_bytes(registers[at : at + 2], "big") for at in range(0, 20, 2)] == [1, 0, 1, 1, 0, 0, 1, 1, 0, 1]


@pytest.mark.parametrize("pdu", ["0302", "030200", "03040001", "0304000100", "030400010002ff", "03060001000200030004"])
def test_registers_that_are_not_exactly_those_asked_for_are_refused(pdu: str) -> None:
    with pytest.raises(MalformedError):
        read_answer(bytes.fromhex(pdu), read_request("holding", 0, 2))


def test_an_exception_has_its_code_and_nothing_else() -> None:
    request = read_request("holding", 0, 2)
    with pytest.raises(RefusedError) as refused:
        read_answer(b"\x83\x02", request)
    assert refused.value.code == 2
    for broken in (b"\x83", b"\x83\x02\x00"):
        with pytest.raises(MalformedError):
            read_answer(broken, request)


def test_an_answer_to_another_write_is_refused() -> None:
    request = write_request(5, b"\x00\x01")
    check_written(request, request)
    for other in (write_request(6, b"\x00\x01"), request[:4]):
        with pytest.raises(MalformedError):
            check_written(other, request)


@both
@given(unit=units, number=numbers, table=tables, count=st.integers(1, 125), data=st.data())
def test_an_answer_is_found_however_the_stream_is_cut(
    framing: Framing, unit: int, number: int, table: str, count: int, data: st.DataObject
) -> None:
    request = read_request(table, 0, count)
    pdu = answer_to(request)
    wire = framing.frame(number, unit, pdu)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    buffer = bytearray()
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        assert len(buffer) < len(wire)
        buffer += wire[start:stop]
        found = framing.take(buffer, number, unit, request[0])
        assert (found == pdu) if stop == len(wire) and start < stop else found in {None, pdu}
        if found:
            return


@both
@given(noise=st.binary(max_size=600), unit=units, number=numbers, table=tables)
def test_noise_raises_nothing_and_leaves_less_than_a_frame(
    framing: Framing, noise: bytes, unit: int, number: int, table: str
) -> None:
    buffer = bytearray(noise)
    request = read_request(table, 0, 2)
    while (pdu := framing.take(buffer, number, unit, request[0])) is not None:
        with contextlib.suppress(RefusedError, MalformedError):
            assert len(read_answer(pdu, request)) == 4
    assert len(buffer) < MAXIMUM_FRAME


@given(noise=st.binary(max_size=80), unit=units, count=st.integers(1, 125))
def test_an_rtu_answer_is_found_behind_noise(noise: bytes, unit: int, count: int) -> None:
    framing, request = RtuFraming(), read_request("holding", 0, count)
    pdu = answer_to(request)
    buffer = bytearray(noise + framing.frame(0, unit, pdu))
    assert framing.take(buffer, 0, unit, request[0]) is not None


@given(
    noise=st.binary(max_size=80).filter(lambda noise: noise[2:4] != b"\0\0"), number=numbers, count=st.integers(1, 125)
)
def test_a_tcp_answer_is_found_behind_noise_that_is_no_header(noise: bytes, number: int, count: int) -> None:
    framing, request = TcpFraming(), read_request("holding", 0, count)
    pdu = answer_to(request)
    mark = number.to_bytes(2, "big") + b"\0\0"
    wire = noise + framing.frame(number, 1, pdu)
    if len(noise) > 3 and wire.find(mark, 1) == len(noise):
        assert framing.take(bytearray(wire), number, 1, request[0]) == pdu


@both
@given(data=st.data(), unit=units, number=numbers, count=st.integers(1, 40))
def test_a_damaged_answer_is_never_taken_for_another_value(
    framing: Framing, data: st.DataObject, unit: int, number: int, count: int
) -> None:
    """One damaged byte: RTU's checksum finds it; TCP has its own, so only what frames an answer is damaged here."""
    request = read_request("holding", 0, count)
    pdu = answer_to(request)
    wire = bytearray(framing.frame(number, unit, pdu))
    last = len(wire) if isinstance(framing, RtuFraming) else 9
    place = data.draw(st.integers(0, last - 1))
    wire[place] ^= data.draw(st.integers(1, 255))
    found = framing.take(wire, number, unit, request[0])
    if found is not None:
        with pytest.raises((RefusedError, MalformedError)):
            read_answer(found, request)


@both
@given(number=st.integers(1, 0xFFFE), unit=st.integers(0, 254), count=st.integers(1, 40))
def test_late_answers_to_others_are_passed_over(framing: Framing, number: int, unit: int, count: int) -> None:
    request = read_request("holding", 0, count)
    late = framing.frame(number, unit + 1, answer_to(request, b"\xff\xff"))
    if framing.numbered:
        late += framing.frame(number + 1, unit, answer_to(request, b"\xee\xee"))
    late += framing.frame(number, unit, b"\x04\x02\x00\x00")
    pdu = answer_to(request)
    assert framing.take(bytearray(late + framing.frame(number, unit, pdu)), number, unit, request[0]) == pdu


@given(st.binary(max_size=300))
def test_the_checksum_of_a_frame_with_its_checksum_is_zero(body: bytes) -> None:
    assert crc(body + crc(body)) == b"\0\0"


@pytest.mark.parametrize("module", [modbus_wire, adapters.modbus])
def test_examples_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted
    assert not result.failed
