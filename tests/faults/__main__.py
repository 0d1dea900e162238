"""`python -m tests.faults`: break the running product from a seed, and check from outside what must hold."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from aiokafka.errors import KafkaError

from deploy.local.faults import StackError
from tests.faults import results
from tests.faults.catalogue import LONG, Fault, faults
from tests.faults.crew import side_by_side
from tests.faults.disk import can_mount
from tests.faults.figures import HEADINGS, Run, never_run, row, summary
from tests.faults.run import Bench, run
from tests.faults.schedule import schedule

DONE, FAILED, MISUSED = 0, 1, 2
TOLD_MAX, TEXT_MAX = 3, 1000
"""Violations of one kind told of one run, and their length; the rest is counted."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.work:
        return asyncio.run(work(options))
    unknown = set(options.fault) - {fault.name for fault in faults()}
    if unknown:
        say(f"no fault named {', '.join(sorted(unknown))}; --list shows what there is")
        return MISUSED
    chosen = [fault for fault in faults() if _is_chosen(fault, options)]
    if options.list:
        print("".join(f"{fault.name:30}{fault.seeds:3}  {fault.title}\n" for fault in faults()), end="")
        return DONE
    plan = planned(options) if options.plan else drawn(chosen, options)
    if options.show:
        print("\n".join(told(fault, seed) for fault, seed in plan))
        return DONE
    return finish(asyncio.run(run_all(plan, options)), options)


def drawn(chosen: Sequence[Fault], options: argparse.Namespace) -> list[tuple[Fault, int]]:
    """Each fault once, then each again: who stops early has some of all."""
    first = random.randrange(1_000_000) if options.seed is None else options.seed
    turns = max((_seeds(fault, options) for fault in chosen), default=0)
    return [
        (fault, first + turn) for turn in range(turns) for fault in chosen if turn < _seeds(fault, options)
    ]


def planned(options: argparse.Namespace) -> list[tuple[Fault, int]]:
    by_name = {fault.name: fault for fault in faults()}
    lines = [line.split() for line in options.plan.read_text(encoding="utf-8").splitlines()]
    return [(by_name[name], int(seed)) for name, seed in lines]


def _is_chosen(fault: Fault, options: argparse.Namespace) -> bool:
    if options.fault:
        return fault.name in options.fault
    return fault.seeds > LONG or bool(options.long or options.full)


def _seeds(fault: Fault, options: argparse.Namespace) -> int:
    return options.seeds or (fault.seeds if options.full else 1)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog="Exit codes: 0 all held, 1 something did not, 2 misused. The same --fault and --seed give the "
        "same schedule and the same messages.",
    )
    top.add_argument("--fault", action="append", default=[], metavar="NAME", help="this one only; repeatable")
    top.add_argument("--seed", type=int, metavar="N", help="of the first run (default: a new one, printed)")
    top.add_argument("--seeds", type=int, metavar="N", help="runs of each fault, seed by seed (default 1)")
    top.add_argument("--long", action="store_true", help="with the long outages: two hours more")
    top.add_argument(
        "--full", action="store_true", help="all, with as many seeds as --list says: a night's work"
    )
    top.add_argument("--list", action="store_true", help="the faults there are, and do nothing")
    top.add_argument("--show", action="store_true", help="the schedules, and do nothing")
    top.add_argument("--json", action="store_true", help="every run as a line of JSON on stdout")
    top.add_argument("--plan", type=Path, metavar="FILE", help="these runs: lines of FAULT SEED")
    top.add_argument("--jobs", type=int, default=1, metavar="N", help="so many runs side by side (default 1)")
    top.add_argument("--results", type=Path, metavar="FILE", help="add every run to that file, as a line")
    top.add_argument("--work", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    top.add_argument("--keep", metavar="DIR", type=Path, help="leave logs and journals of all runs there")
    return top


def told(fault: Fault, seed: int) -> str:
    steps = schedule(fault.name, seed, fault.draw).steps
    return "\n".join([f"{fault.name} --seed {seed}: {fault.title}", *(f"  {step}" for step in steps)])


async def run_all(plan: Sequence[tuple[Fault, int]], options: argparse.Namespace) -> list[Run]:
    """Folders of runs that found something are left, the others only where --keep says so."""
    folder = options.keep or Path(tempfile.mkdtemp(prefix="profile-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    over = partial(ended, folder=folder, options=options)
    if options.jobs > 1:
        planned = [(fault.name, seed) for fault, seed in plan]
        keep = options.keep is not None
        runs = await side_by_side(planned, options.jobs, folder, keep=keep, tell=over)
    else:
        runs = []
        with ExitStack() as opened:
            bench = Bench(opened, folder, keep=options.keep is not None)
            for fault, seed in plan:
                runs.append(await attempt(bench, fault, seed))
                over(runs[-1])
    if not any(folder.iterdir()):
        shutil.rmtree(folder)
    return runs


async def attempt(bench: Bench, fault: Fault, seed: int) -> Run:
    """A run, whatever comes of it."""
    if fault.cast.spool_mib is not None and not can_mount():
        return never_run(fault.name, seed, "only root can make the small file system that it needs")
    try:
        return await run(bench, fault, seed)
    except (StackError, KafkaError, AssertionError) as error:  # it could not even begin, or end
        await asyncio.to_thread(bench.give_up, fault.cast.brokers)
        return never_run(fault.name, seed, str(error) or type(error).__name__)


async def work(options: argparse.Namespace) -> int:
    """For `crew`: until there is nothing more to read."""
    by_name = {fault.name: fault for fault in faults()}
    with ExitStack() as opened:
        bench = Bench(opened, options.work, keep=options.keep is not None)
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, seed = line.split()
            result = await attempt(bench, by_name[name], int(seed))
            print(json.dumps(result.as_json()), flush=True)
    return DONE


def ended(result: Run, folder: Path, options: argparse.Namespace) -> None:
    tell(result, folder)
    if options.json:
        print(json.dumps(result.as_json()), flush=True)
    if options.results:
        results.append(options.results, result)


def tell(result: Run, folder: Path) -> None:
    callbacks = result.callbacks
    say(f"--fault {result.fault} --seed {result.seed}")
    say(
        f"    {callbacks.sent} sent, {callbacks.acknowledged} acknowledged, {result.lost} lost, "
        f"{result.doubled} doubled; unavailable {callbacks.unavailable_s:.1f} s, ledger stood still "
        f"{result.stalled_s:.1f} s, caught up in {result.caught_up_s:.1f} s; took {result.took_s:.0f} s"
    )
    for text in result.last_words[:TOLD_MAX]:
        say(f"    {text[:TEXT_MAX]}")
    letters = Counter(text.split(":", 1)[0] for text in result.wrong)
    for letter in letters:
        for text in [text for text in result.wrong if text.split(":", 1)[0] == letter][:TOLD_MAX]:
            say(f"  ! {text[:TEXT_MAX]}")
    if result.wrong:
        counts = ", ".join(f"{count} of {letter}" for letter, count in letters.items())
        say(f"  ! {counts}; logs and journals: {folder}")


def finish(runs: Sequence[Run], options: argparse.Namespace) -> int:
    by_fault = [[run for run in runs if run.fault == fault.name] for fault in faults()]
    summaries = [summary(same) for same in by_fault if same]
    lines = [HEADINGS, *(row(one) for one in summaries)]
    widths = [max(len(cells[place]) for cells in lines) for place in range(len(HEADINGS))]
    for cells in lines:
        say("  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))
    return FAILED if any(run.wrong for run in runs) else DONE


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
