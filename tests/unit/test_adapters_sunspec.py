"""SunSpec's chain of models is found wherever it stands; a broken one is named with its place."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.modbus_plan import describe, plan
from adapters.sunspec import MAXIMUM_MODELS, Chain, ChainError, Model, discover, find, locate, units
from tests.support.registers import bundled

STORAGE = [(1, 66), (802, 62), (803, 58), (713, 7), (714, 43)]


def chain_of(models: Sequence[tuple[int, int]], base: int = 40_000, end: Sequence[int] = (0xFFFF, 0)) -> dict[int, int]:
    words = {base: 0x5375, base + 1: 0x6E53}
    at = base + 2
    for number, length in models:
        words.update(dict.fromkeys(range(at, at + 2 + length), 0))
        words[at], words[at + 1] = number, length
        at += 2 + length
    return words | dict(enumerate(end, start=at))


def found(words: dict[int, int], **keys: Sequence[int]) -> tuple[Chain, list[tuple[int, int]]]:
    asked: list[tuple[int, int]] = []

    async def read(address: int, count: int) -> Sequence[int] | None:
        asked.append((address, count))
        wanted = [words.get(place) for place in range(address, address + count)]
        return None if None in wanted else [word or 0 for word in wanted]

    return asyncio.run(discover(read, **keys)), asked


@pytest.mark.parametrize("base", [40_000, 0, 50_000])
def test_the_chain_is_found_at_every_usual_base_with_one_request_a_model(base: int) -> None:
    chain, asked = found(chain_of(STORAGE, base))
    assert [(model.id, model.length) for model in chain] == STORAGE
    assert [model.address - base for model in chain] == [2, 70, 134, 194, 203]
    assert len(asked) <= 3 + len(STORAGE) + 1
    assert all(count == 2 for _, count in asked)


def test_a_profile_may_say_where_else_to_look() -> None:
    assert found(chain_of(STORAGE, 20_000), bases=(20_000,))[0][1] == Model(802, 20_070, 62)


def test_an_end_without_a_length_is_an_end_too() -> None:
    assert len(found(chain_of(STORAGE, end=(0xFFFF,)))[0]) == len(STORAGE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "no SunSpec mark ('SunS') at 40000, 0, 50000"),
        ({40_000: 0x5375, 40_001: 0}, "no SunSpec mark"),
        (chain_of(STORAGE, end=()), "breaks off at 40248 behind model 714: the device does not serve it"),
        (chain_of(STORAGE, end=(0, 0)), "breaks off at 40248 behind model 714: no model has the id 0"),
        (chain_of([], end=()), "breaks off at 40002: the device does not serve it"),
        ({40_000: 0x5375, 40_001: 0x6E53, 40_002: 802, 40_003: 65_000}, "model 802 at 40002 would end at 105004"),
        (chain_of([(1, 0)] * 300), f"no end within {MAXIMUM_MODELS} models"),
    ],
)
def test_a_broken_chain_is_named_with_its_place(words: dict[int, int], said: str) -> None:
    with pytest.raises(ChainError) as caught:
        found(words)
    assert said in str(caught.value)


@given(st.dictionaries(st.integers(40_000, 40_100), st.integers(0, 0xFFFF)))
def test_whatever_stands_there_discovery_ends(words: dict[int, int]) -> None:
    try:
        chain, asked = found({40_000: 0x5375, 40_001: 0x6E53} | words)
    except ChainError:
        return
    assert len(asked) <= MAXIMUM_MODELS + 3
    assert all(model.stop <= 0xFFFF for model in chain)


def test_what_reading_raises_is_passed_on() -> None:
    async def read(address: int, count: int) -> Sequence[int] | None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        asyncio.run(discover(read))


def test_points_get_the_addresses_of_their_models_and_keep_their_numbers() -> None:
    device = bundled("sunspec-storage", slots=1)
    assert units(device) == (1,)
    there = locate(device, {1: found(chain_of(STORAGE))[0]})
    assert not there.missing
    address = {bound.point.signal: (bound.address, bound.scale_address) for bound in there.device.points}
    assert address["soc"] == (40_081, 40_126)
    assert address["temperature_c"] == (40_138, 40_157)
    assert address["energy_wh"] == (40_240, 40_221)
    assert next(bound.write_address for bound in there.device.points if bound.point.signal == "enabled") == 40_120
    assert [bound.number for bound in there.device.points] == [bound.number for bound in device.points]
    assert units(there.device) == ()
    assert sum(len(request.rows) for group in plan(there.device) for request in group.requests) == len(device.points)


def test_each_slot_has_the_next_model_of_its_kind_or_the_next_block_of_one() -> None:
    device = bundled("sunspec-storage", slots=2)
    twice = [(1, 66), (802, 62), (803, 58), (714, 68), (802, 62), (803, 58)]
    there = locate(device, {1: found(chain_of(twice))[0]})
    assert not there.missing
    places = {(bound.point.signal, bound.slot): bound.address for bound in there.device.points}
    assert places["soc", 2] == 40_002 + 68 + 64 + 60 + 70 + 11
    assert places["energy_wh", 2] == places["energy_wh", 1] + 25


def test_points_that_the_device_has_not_are_left_out_and_named_with_the_reason() -> None:
    device = bundled("sunspec-storage", slots=2)
    there = locate(device, {1: found(chain_of([(1, 66), (802, 62), (803, 10), (714, 43)]))[0]})
    reasons = {(bound.point.signal, bound.slot): why for bound, why in there.missing}
    assert reasons["temperature_c", 1] == "SunSpec model 803 at 40134 has 10 registers and ends before it"
    assert reasons["temperature_c", 2] == "unit 1 has 1 of SunSpec model 803, not 2"
    assert reasons["soc", 2] == "unit 1 has 1 of SunSpec model 802, not 2"
    assert reasons["energy_wh", 2] == "SunSpec model 714 at 40146 has 43 registers and ends before it"
    assert {bound.slot for bound in there.device.points} == {1}
    assert {why for _, why in locate(device, {}).missing} == {
        f"unit 1 has no SunSpec model {model}" for model in (802, 803, 714)
    }


def test_before_discovery_the_plan_says_what_is_missing() -> None:
    device = bundled("sunspec-module")
    assert list(describe(device)) == [
        "S1/d: 24 points in the SunSpec models 805; where they lie is found when connected, from 40000 or 0 or 50000"
    ]
    with pytest.raises(ValueError, match=r"S1/slot/01/soc is in SunSpec model 805, which is not located yet"):
        plan(device)


def test_a_unit_without_a_chain_has_no_such_points_and_says_why() -> None:
    words = chain_of(STORAGE)

    async def read(unit: int, address: int, count: int) -> Sequence[int] | None:
        return [words.get(place, 0) for place in range(address, address + count)] if unit == 1 else None

    device = bundled("sunspec-storage", slots=1)
    assert not asyncio.run(find(device, read)).missing
    elsewhere = replace(device, points=tuple(replace(bound, unit_id=2) for bound in device.points))
    there = asyncio.run(find(elsewhere, read))
    assert not there.device.points
    assert {why[:21] for _, why in there.missing} == {"no SunSpec mark ('Sun"}
