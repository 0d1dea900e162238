"""One run: a scene, a load, a schedule; then healed, caught up, and checked."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg

from deploy.local.faults import StackError
from deploy.local.ports import free_ports
from deploy.local.stack import Stack
from tests.acceptance.checker import kept_once
from tests.acceptance.journal import read_journal
from tests.acceptance.ledger import read_ledger
from tests.faults.acts import perform, toothless
from tests.faults.answers import read_answers
from tests.faults.catalogue import Fault
from tests.faults.figures import Run, sent
from tests.faults.invariants import (
    Evidence,
    Found,
    agreed,
    password_is_nowhere,
    wrong,
)
from tests.faults.load import Senders
from tests.faults.memory import Memory
from tests.faults.results import version
from tests.faults.scene import RECEIVER_DETOUR, RECONCILER_DETOUR, Scene, scene
from tests.faults.schedule import Schedule, schedule
from tests.faults.second import same_in_any_order
from tests.faults.settled import answered, settled, stored_offsets
from tests.faults.told import others_were_told
from tests.support.database import database_from, migrated_template
from tests.support.kafka import read_topic, topics_of_a_test
from tests.support.polling import eventually
from tests.support.private_stack import private_stack

BEGUN_WITHIN_S = 180.0
SETTLED_WITHIN_S = 240.0
SETTLED_SHARE = 0.2
"""Of the time that the load took: what was kept back for long takes long to be applied."""
SAMPLED_EVERY_S = 0.25
CRASH_LINES = 6
ENDS_IN_ORDER = (0, -signal.SIGKILL)
"""When it was told to, or killed."""


@dataclass
class Bench:
    """The stacks, made when first needed: one with a single broker, one with three."""

    opened: ExitStack
    folder: Path
    keep: bool = False
    tree: Path | None = None
    """Where the product's programs are taken from, if not from this tree."""
    stacks: dict[int, Stack] = field(default_factory=dict)
    _ends: dict[int, ExitStack] = field(default_factory=dict)

    def stack(self, brokers: int) -> Stack:
        if brokers not in self.stacks:
            ports = free_ports(2 * brokers)
            detours = {RECEIVER_DETOUR: ports[:brokers], RECONCILER_DETOUR: ports[brokers:]}
            self._ends[brokers] = self.opened.enter_context(ExitStack())
            made = private_stack(brokers=brokers, detours=detours)
            self.stacks[brokers] = self._ends[brokers].enter_context(made)
        return self.stacks[brokers]

    def give_up(self, brokers: int) -> None:
        """The next run gets another stack: Kafka's controllers may stumble for good over topics that are
        deleted while a broker is away.
        """
        if brokers in self._ends:
            self.stacks.pop(brokers, None)
            self._ends.pop(brokers).close()


async def run(bench: Bench, fault: Fault, seed: int) -> Run:
    """Violations are part of what it gives back; it raises nothing that a fault of the product may cause."""
    plan = schedule(fault.name, seed, fault.draw)
    stack = await asyncio.to_thread(bench.stack, fault.cast.brokers)
    folder = Path(tempfile.mkdtemp(prefix=f"{fault.name}-{seed}-", dir=bench.folder))
    began = time.monotonic()
    with ExitStack() as opened:
        topics = opened.enter_context(topics_of_a_test(stack.bootstrap))
        template = await asyncio.to_thread(migrated_template, stack)
        database = opened.enter_context(database_from(stack, template))
        rng = random.Random(f"{fault.name}/{seed}/scene")
        async with scene(stack, database, topics, folder, fault.cast, rng, bench.tree) as stage:
            result = await _play(stage, fault, plan)
    result = replace(result, took_s=round(time.monotonic() - began, 1), version=version())
    if not (bench.keep or result.wrong):
        shutil.rmtree(folder)
    return result


async def _play(stage: Scene, fault: Fault, plan: Schedule) -> Run:
    senders = Senders(stage.programs, stage.folder, f"{plan.fault}/{plan.seed}", stage.urls)
    async with _watched(stage) as watch:
        problems = await _load_and_faults(stage, fault, plan, senders)
    began = time.monotonic()
    try:
        await stage.heal()
        await settled(stage, within_s=SETTLED_WITHIN_S + SETTLED_SHARE * fault.load.seconds)
    except AssertionError as error:
        problems.append(Found("stuck", str(error)))
    caught_up_s = time.monotonic() - began
    verdict = await _judged(stage, plan, senders, problems)
    figures = _figures(stage, fault, plan, senders, verdict)
    timed = replace(
        figures,
        stalled_s=round(watch.longest_s, 1),
        caught_up_s=round(caught_up_s, 1),
        grown_mib=round(watch.memory.grown_mib(), 1),
        fattest=watch.memory.fattest(),
    )
    found = [*verdict.found, *([] if fault.may_miss else _toothless(stage, plan))]
    times = Counter(one.letter for one in found)
    wrong_ones = [str(one) for one in found if not fault.limits.allow(one.letter, times[one.letter])]
    return replace(timed, wrong=(*wrong_ones, *fault.limits.broken(timed)))


async def _load_and_faults(stage: Scene, fault: Fault, plan: Schedule, senders: Senders) -> list[Found]:
    """What could not be brought to its end, as findings; an error of the bench itself is raised."""
    ends = await asyncio.gather(senders.run(fault.load), _perform(stage, plan), return_exceptions=True)
    errors = [error for end in ends if end is not None for error in _flat(end)]
    for error in errors:
        if not isinstance(error, AssertionError | StackError):
            raise error
    return [Found("stuck", str(error)) for error in errors]


async def _perform(stage: Scene, plan: Schedule) -> None:
    """Once every receiver has answered somebody."""

    async def all_have() -> bool:
        counts = [await asyncio.to_thread(answered, keeper.ops) for keeper in stage.kept("receiver")]
        return all(count > 0 for count in counts)

    if plan.steps:
        await eventually(all_have, within_s=BEGUN_WITHIN_S)
        await perform(stage, plan)


def _flat(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [inner for one in error.exceptions for inner in _flat(one)]
    return [error]


async def _judged(stage: Scene, plan: Schedule, senders: Senders, problems: list[Found]) -> _Verdict:
    """Reads everything, then ends the programs, then looks at what they left."""
    evidence = Evidence(
        read_journal(*senders.written()),
        await read_ledger(stage.database.auditor_dsn),
        await read_topic(stage.stack.bootstrap, stage.topics.events),
        await read_topic(stage.stack.bootstrap, stage.topics.quarantine),
    )
    rng = random.Random(f"{plan.fault}/{plan.seed}/second")
    own, other = await asyncio.gather(
        agreed(stage, len(evidence.records)),
        _nothing() if problems else same_in_any_order(stage, evidence.records, rng),
    )
    found = [*problems, *wrong(evidence), *own, *other]
    found += [] if problems else await others_were_told(stage)
    await asyncio.gather(*(keeper.end() for keeper in stage.keepers.values()))
    found += await password_is_nowhere(stage)
    found += [Found("remark", text) for text in stage.remarks]
    found += [*_crashes(stage), *_deaf(stage), *_missed(stage)]
    return _Verdict(evidence, found, _last_words(stage))


async def _nothing() -> list[Found]:
    """What is stuck is compared with nothing."""
    return []


@dataclass(frozen=True, slots=True)
class _Verdict:
    """`last_words` of programs that ended by themselves: no fault as such, unless a limit makes it one."""

    evidence: Evidence
    found: list[Found]
    last_words: tuple[str, ...]


def _figures(stage: Scene, fault: Fault, plan: Schedule, senders: Senders, verdict: _Verdict) -> Run:
    """Without the times, which the caller measures, and without judgement."""
    sound = verdict.evidence.without_spoilt()
    return Run(
        fault=fault.name,
        seed=plan.seed,
        callbacks=sent(read_answers(senders.written())),
        lost=sum(one.letter == "A" for one in verdict.found),
        doubled=len(list(kept_once(sound.ledger))),
        repeated=len(sound.records) - len(sound.ledger.events),
        restarts=sum(len(keeper.unwanted_ends()) for keeper in stage.all_keepers),
        late_s=round(max((event.late_s for event in sound.ledger.events), default=0.0), 1),
        hits=sum(end.at_point for keeper in stage.all_keepers for end in keeper.ends),
        last_words=verdict.last_words,
    )


def _crashes(stage: Scene) -> list[Found]:
    """A program may end by itself with a sentence; a traceback is a fault of its own, told once.

    Not so where it only tells of a library's task, and the program went on.
    """
    told = Counter(
        "\n".join(end.stderr.rstrip().splitlines()[-CRASH_LINES:])
        for keeper in stage.all_keepers
        for end in keeper.ends
        if "Traceback" in end.stderr and end.exit_code not in ENDS_IN_ORDER
    )
    return [Found("crash", f"{times} times: {lines}") for lines, times in told.items()]


def _deaf(stage: Scene) -> list[Found]:
    return [
        Found("stuck", f"{keeper.name} did not end when told to")
        for keeper in stage.all_keepers
        if keeper.deaf
    ]


def _last_words(stage: Scene) -> tuple[str, ...]:
    return tuple(
        f"{keeper.name} ended with {end.exit_code}: {(end.stderr.rstrip().splitlines() or [''])[-1]}"
        for keeper in stage.all_keepers
        for end in keeper.unwanted_ends()
    )


def _missed(stage: Scene) -> list[Found]:
    """A place that no program came to was not tried."""
    point = stage.cast.point
    if point is None:
        return []
    ends = [end for keeper in stage.kept(point.part) for end in keeper.ends]
    reached = any(end.exit_code == -signal.SIGKILL for end in ends)
    return [] if reached else [Found("point", f"{point.name} was never reached")]


def _toothless(stage: Scene, plan: Schedule) -> list[Found]:
    """What nobody could have felt was not withstood."""
    return [Found("bench", f"{kind}: nothing of it came about") for kind in toothless(plan, stage.bites)]


@dataclass
class Watch:
    """`longest_s`: for how long at most the stored offsets did not move between two times that they did.

    What comes after the last of these is no standing still: nothing may come any more.
    """

    longest_s: float = 0.0
    memory: Memory = field(default_factory=Memory)
    _stored: int = 0
    _since: float | None = None

    def look(self, stored: int, now: float) -> None:
        if stored > self._stored:
            if self._since is not None:
                self.longest_s = max(self.longest_s, now - self._since)
            self._stored, self._since = stored, now


@asynccontextmanager
async def _watched(stage: Scene) -> AsyncIterator[Watch]:
    """While callbacks come, there is always something to apply."""
    watch = Watch()

    async def look() -> None:
        while True:
            for keeper in stage.keepers.values():
                if keeper.program is not None:
                    watch.memory.look(keeper.program.pid, keeper.name)
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with asyncio.timeout(5):
                    stored = sum((await stored_offsets(stage.database)).values())
                watch.look(stored, time.monotonic())
            await asyncio.sleep(SAMPLED_EVERY_S)

    looking = asyncio.create_task(look())
    try:
        yield watch
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
