"""`python -m tests.mutations`: break the product on purpose, and see whether the checks notice."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.local.faults import StackError
from tests.faults import results
from tests.faults.catalogue import Fault, faults
from tests.faults.figures import Run, never_run
from tests.faults.run import Bench, run
from tests.mutations.breaks import Break, breaks
from tests.mutations.copy import MovedError, broken_tree
from tests.mutations.verdicts import Verdict, append, letters, row

DONE, MISSED, MISUSED = 0, 1, 2
SEEDS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    known = breaks()
    if unknown := set(options.only) - {one.name for one in known}:
        say(f"no mutation named {', '.join(sorted(unknown))}; --list shows what there is")
        return MISUSED
    chosen = [one for one in known if not options.only or one.name in options.only]
    if options.list:
        print("".join(f"{one.name:28}{one.title}\n" for one in known), end="")
        return DONE
    try:
        return asyncio.run(try_all(chosen, options))
    except MovedError as error:
        say(str(error))
        return MISUSED


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m tests.mutations",
        description=__doc__,
        epilog="Exit codes: 0 all were noticed, 1 one was missed, 2 misused, or the code has moved.",
    )
    top.add_argument("--only", action="append", default=[], metavar="NAME", help="this one; repeatable")
    top.add_argument("--list", action="store_true", help="the mutations there are, and do nothing")
    top.add_argument("--seed", type=int, default=1, metavar="N", help="of the first run of each (default 1)")
    top.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"at most (default {SEEDS})")
    top.add_argument("--results", type=Path, metavar="FILE", help="add every verdict to that file, as a line")
    return top


async def try_all(chosen: Sequence[Break], options: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix="profile-mutations-"))
    missed = False
    with ExitStack() as opened:
        bench = Bench(opened, folder)
        for one in chosen:
            verdict = await tried(bench, one, range(options.seed, options.seed + options.seeds))
            missed |= not verdict.found
            say("  ".join(row(one, verdict)))
            say(f"    {verdict.first}")
            if options.results:
                append(options.results, verdict)
    shutil.rmtree(folder)
    return MISSED if missed else DONE


async def tried(bench: Bench, one: Break, seeds: Sequence[int]) -> Verdict:
    """Seed by seed, fault by fault, until something is found."""
    by_name = {fault.name: fault for fault in faults()}
    plan = [(by_name[name], seed) for seed in seeds for name in one.faults]
    with broken_tree(one) as tree:
        bench.tree = tree
        for number, (fault, seed) in enumerate(plan, start=1):
            result = await attempt(bench, fault, seed)
            found = letters(result.wrong)
            shown = one.is_shown(found)
            say(f"    {fault.name} --seed {seed}: {found}")
            if shown or number == len(plan):
                first = next((text for text in result.wrong if one.is_shown(letters([text]))), "")
                told = found if shown else {}
                return Verdict(one.name, fault.name, seed, number, told, first, results.version())
    raise AssertionError("every mutation names a fault")


async def attempt(bench: Bench, fault: Fault, seed: int) -> Run:
    """A broken product may not even start: that tells nothing of the checks."""
    try:
        return await run(bench, fault, seed)
    except (StackError, AssertionError) as error:
        return never_run(fault.name, seed, str(error))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
