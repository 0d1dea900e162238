"""What must have been broken before a promise counts as kept, and the faults of the catalogue that do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.catalogue import faults
from tests.faults.figures import Run
from tests.faults.points import POINTS


@dataclass(frozen=True, slots=True)
class Promise:
    """`shows`: beyond A to H."""

    title: str
    shows: str
    faults: tuple[str, ...]


def at(part: str) -> tuple[str, ...]:
    return tuple(f"{point.part}-at-{point.name}" for point in POINTS if point.part == part)


PROMISES: Sequence[Promise] = (
    Promise("broker away 5 and 20 minutes", "200 throughout", ("broker-away-5min", "broker-away-20min")),
    Promise(
        "broker killed 20 times under load; paused for a minute; leader lost; below min.insync.replicas",
        "p99 ≤ 2 s, no 5xx",
        ("broker-killed-20-times", "broker-paused-60s", "leader-lost", "below-min-isr", "too-few-replicas"),
    ),
    Promise("receiver killed at each named place", "A, B", at("receiver")),
    Promise(
        "receiver terminated under load", "no failed request, out within 10 s", ("receivers-terminated",)
    ),
    Promise(
        "spool: tail torn, page flipped, disk full, disk read-only, drained with kills in between",
        "no 200 for what is not kept",
        (
            "spool-torn",
            "spool-flipped",
            "disk-full",
            "disk-read-only",
            "spool-full",
            "drain-disturbed",
            "batches-refused",
        ),
    ),
    Promise(
        "database away 20 minutes, killed; commit cut in flight; deadlocks; tables locked by somebody",
        "lag only, then caught up",
        ("database-away-20min", "database-killed", "commit-cut", "deadlocks", "database-locked"),
    ),
    Promise(
        "reconciler killed before, in and after a commit; frozen past its session and resumed",
        "fenced: F",
        (*at("reconciler"), "reconciler-frozen", "reconcilers-stutter"),
    ),
    Promise(
        "rebalance every 2 s for 5 minutes; one, four, one reconcilers",
        "never still for 10 s",
        ("rebalance", "rebalance-5min", "one-four-one"),
    ),
    Promise(
        "four copies at once, days apart, after a restart; final before warning; 10,000 devices at once",
        "H, C",
        ("copies", "repetition", "bulk-10000"),
    ),
    Promise(
        "one bad record among 5,000, of every kind",
        "the others on time",
        ("one-bad-among-5000", "bad-records", "refused-records"),
    ),
    Promise("an hour of everything at random", "flat memory", ("anything", "anything-1h")),
)
HEADINGS = (
    "what was broken",
    "beyond A to H",
    "runs: seeds of each / of a full night",
    "callbacks",
    "acknowledged",
    "lost",
    "violations",
)


def row(promise: Promise, runs: Sequence[Run]) -> tuple[str, ...]:
    own = [run for run in runs if run.fault in promise.faults]
    wanted = {fault.name: fault.seeds for fault in faults()}
    seeds = [f"{name} {sum(run.fault == name for run in own)}/{wanted[name]}" for name in promise.faults]
    counts = (
        sum(run.callbacks.sent for run in own),
        sum(run.callbacks.acknowledged for run in own),
        sum(run.lost for run in own),
        sum(len(run.wrong) for run in own),
    )
    return (promise.title, promise.shows, f"{len(own)}: {', '.join(seeds)}", *map(str, counts))


def markdown(runs: Sequence[Run]) -> str:
    lines = [HEADINGS, ("---", "---", "---", *("---:",) * 4), *(row(one, runs) for one in PROMISES)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
