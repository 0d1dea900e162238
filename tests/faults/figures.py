"""What a fault's runs came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.faults.answers import Answered, accepted_within_s, longest_unavailable_s


@dataclass(frozen=True, slots=True)
class Sent:
    """What the sender saw of one run. A message counts once, however often it was sent."""

    sent: int
    acknowledged: int
    refused: int
    """Answers 5xx, each attempt counted."""
    unanswered: int
    broken_off: int
    """Connections that were taken and ended without an answer, as far as the sender can tell."""
    unavailable_s: float
    p99_s: float


def sent(answers: Sequence[Answered]) -> Sent:
    return Sent(
        sent=len({one.message for one in answers}),
        acknowledged=len({one.message for one in answers if one.accepted}),
        refused=sum(one.failed_by_us for one in answers),
        unanswered=sum(one.status is None for one in answers),
        broken_off=sum(one.broken_off for one in answers),
        unavailable_s=round(longest_unavailable_s(answers), 2),
        p99_s=round(accepted_within_s(answers, 0.99), 3),
    )


@dataclass(frozen=True, slots=True)
class Run:
    """One seed. `stalled_s`: the longest time in which the ledger did not move while callbacks came.

    `repeated`: further copies of an event on the topic, which do no harm; `restarts`: of programs that ended
    by themselves; `late_s`: from a callback to its row, at most; `hits`: how often a program ended at its
    place; `version`: the commit; `wrong`: what was found, as text.
    """

    fault: str
    seed: int
    callbacks: Sent
    lost: int = 0
    doubled: int = 0
    repeated: int = 0
    restarts: int = 0
    wrong: tuple[str, ...] = ()
    last_words: tuple[str, ...] = ()
    stalled_s: float = 0.0
    caught_up_s: float = 0.0
    grown_mib: float = 0.0
    fattest: str = ""
    late_s: float = 0.0
    hits: int = 0
    took_s: float = 0.0
    version: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def never_run(fault: str, seed: int, why: str) -> Run:
    """The bench itself failed: nothing was shown."""
    return Run(fault, seed, sent(()), wrong=(f"bench: {why}",))


@dataclass(frozen=True, slots=True)
class Summary:
    """All runs of a fault; the times are the worst of all."""

    fault: str
    seeds: int
    sent: int
    acknowledged: int
    lost: int
    doubled: int
    repeated: int
    refused: int
    unavailable_s: float
    p99_s: float
    stalled_s: float
    caught_up_s: float
    violations: int
    grown_mib: float = 0.0
    hits: int = 0


def summary(runs: Sequence[Run]) -> Summary:
    """Of one fault's runs, at least one."""
    return Summary(
        fault=runs[0].fault,
        seeds=len(runs),
        sent=sum(run.callbacks.sent for run in runs),
        acknowledged=sum(run.callbacks.acknowledged for run in runs),
        lost=sum(run.lost for run in runs),
        doubled=sum(run.doubled for run in runs),
        repeated=sum(run.repeated for run in runs),
        refused=sum(run.callbacks.refused for run in runs),
        unavailable_s=max(run.callbacks.unavailable_s for run in runs),
        p99_s=max(run.callbacks.p99_s for run in runs),
        stalled_s=max(run.stalled_s for run in runs),
        caught_up_s=max(run.caught_up_s for run in runs),
        violations=sum(len(run.wrong) for run in runs),
        grown_mib=max(run.grown_mib for run in runs),
        hits=sum(run.hits for run in runs),
    )


HEADINGS = (
    "fault",
    "seeds",
    "sent",
    "acknowledged",
    "lost",
    "doubled",
    "copies more",
    "5xx",
    "longest unavailable",
    "p99",
    "ledger stood still",
    "caught up in",
    "memory grew",
    "ended there",
    "violations",
)


def row(one: Summary) -> tuple[str, ...]:
    """The cells under `HEADINGS`."""
    return (
        one.fault,
        *(str(number) for number in (one.seeds, one.sent, one.acknowledged, one.lost, one.doubled)),
        *(str(one.repeated), str(one.refused)),
        *(f"{time:.1f} s" for time in (one.unavailable_s,)),
        f"{one.p99_s * 1000:.0f} ms",
        *(f"{time:.1f} s" for time in (one.stalled_s, one.caught_up_s)),
        f"{one.grown_mib:.0f} MiB",
        str(one.hits or ""),
        str(one.violations),
    )


def markdown(summaries: Sequence[Summary]) -> str:
    lines = [HEADINGS, ("---", *("---:" for _ in HEADINGS[1:])), *(row(one) for one in summaries)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
