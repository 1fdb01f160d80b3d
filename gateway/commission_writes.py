"""Commissioning: harmless set-points are written as they stand, and read back."""

from collections.abc import Callable, Sequence

from adapters.base import Adapter, Writable, WriteError
from gateway.commission_acceptance import Engineer, Result, Step
from gateway.plausibility_values import Observed
from gateway.watching import Watch, Watched
from twin.signals import Quality

TITLE = "Write and read back"


async def write_back(watch: Watch, adapters: Sequence[Adapter], engineer: Engineer, say: Callable[[str], None]) -> Step:
    """Write to each point that its profile calls harmless the value that stands there, and see that it stands."""
    wanted = [(watched, each) for watched in watch.devices for each in watched.observed if _is_harmless(each)]
    if not wanted:
        return Step(TITLE, Result.SKIPPED, "No profile of this site has a set-point that is marked write.harmless")
    refusal = await engineer.may_write([f"{each.bound.path} = {each.value:g}" for _, each in wanted if _is_good(each)])
    if refusal:
        return Step(TITLE, Result.SKIPPED, refusal)
    say(f"writing {len(wanted)} set-points as they stand")
    step = Step(TITLE, Result.PASS, "", head=("point", "written", "read back", "result"))
    done = 0
    for watched, each in wanted:
        written, back, what = await _write(adapters[watched.device.number], watched, each)
        step.rows.append((each.bound.path, written, back, what))
        done += what == "pass"
        if what.startswith("fail"):
            step.details.append(f"{each.bound.path}: {what.removeprefix('fail: ')}")
    if step.details:
        step.result = Result.FAIL
    elif not done:
        step.result = Result.SKIPPED
    step.summary = f"{done} of {len(wanted)} set-points were written and read back"
    return step


def _is_harmless(each: Observed) -> bool:
    write = each.bound.point.write
    return write is not None and write.harmless


def _is_good(each: Observed) -> bool:
    return each.quality is Quality.GOOD and isinstance(each.value, float)


async def _write(adapter: Adapter, watched: Watched, each: Observed) -> tuple[str, str, str]:
    """What was written, what came back, and the result."""
    if not isinstance(adapter, Writable):
        return "-", "-", f"skipped: {watched.device.profile.protocol} devices cannot be written yet"
    if not _is_good(each) or not isinstance(each.value, float):
        return "-", "-", f"skipped: its value is not good ({each.reason.name.lower()})"
    write = each.bound.point.write
    if write is None or not write.minimum <= each.value <= write.maximum:
        return "-", "-", "skipped: what stands there is outside of what may be written"
    try:
        back = await adapter.write(each.bound.number, each.value)
    except WriteError as error:
        return f"{each.value:g}", "-", f"fail: {error}"
    return f"{each.value:g}", f"{back:g}", "pass"
