"""The scheduled run: ``python -m tests.fuzz --inputs 1000000``. Exit code 1 if anything failed."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.fuzz.engine import Outcome, budgets, fuzz, targets


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="inputs in total, shared among the targets")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same inputs")
    parser.add_argument("--jobs", type=int, default=1, help="processes; each takes one target at a time")
    parser.add_argument("--target", action="append", help="only this one; may be given several times")
    parser.add_argument("--replay", metavar="HEX", help="run one input, in hex, through one --target")
    given = parser.parse_args()
    known = targets()
    unknown = sorted(set(given.target or ()) - set(known))
    if unknown:
        parser.error(f"unknown target {unknown[0]!r}; known: {', '.join(known)}")
    chosen = {name: known[name] for name in given.target or known}
    if given.replay is not None:
        for each in chosen.values():
            each.run(bytes.fromhex(given.replay))
        return 0
    started = time.perf_counter()
    inputs = failed = 0
    counts = budgets(chosen, given.inputs)
    with ProcessPoolExecutor(given.jobs) as pool:
        running = {pool.submit(_run, name, count, given.seed): name for name, count in counts.items()}
        for done in as_completed(running):
            name, outcome = running[done], done.result()
            inputs += outcome.inputs
            failed += outcome.failed
            rate = outcome.inputs / outcome.seconds
            print(f"{name:24} {outcome.inputs:9,} inputs {outcome.failed:7,} failed {rate:9,.0f} /s", flush=True)
            for place, (data, trace) in outcome.failures.items():
                print(f"  {place}\n  --target {name} --replay {data.hex()}\n{trace}", flush=True)
    print(f"{'in total':24} {inputs:9,} inputs {failed:7,} failed in {time.perf_counter() - started:.0f} s")
    return 1 if failed else 0


def _run(name: str, inputs: int, seed: int) -> Outcome:
    return fuzz(targets()[name], inputs, seed)


if __name__ == "__main__":
    sys.exit(main())
