"""The faults there are: who plays, what happens when, and what each must show beyond A to H."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from tests.faults import draws
from tests.faults.figures import Run, Sent
from tests.faults.load import Load
from tests.faults.points import POINTS, Point
from tests.faults.scene import (
    RECEIVER_KAFKA,
    RECONCILER_KAFKA,
    RECONCILER_POSTGRES,
    SENDER_RECEIVER,
    Cast,
)
from tests.faults.schedule import Draw
from tests.faults.tales import all_lives, bulk

FOLLOWS_FROM_LOSS = frozenset({"A", "A/F", "H/truth"})
SHORT, MEDIUM, LONG = 20, 5, 1
"""How many seeds make a figure: of runs under a minute, under five, and longer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run must keep to; None: nothing is asked. `p99_s` is of the accepted callbacks."""

    p99_s: float | None = None
    refused: int | None = None
    unacknowledged: int | None = None
    """Messages, however often they were sent."""
    broken_off: int | None = None
    restarts: int | None = None
    grown_mib: float | None = None
    stalled_s: float | None = None
    late_s: float | None = None
    hits_least: int = 0
    """How often a program must have ended at its place: else nothing was shown."""
    refused_least: int = 0
    """How many answers must have been 5xx, for the same reason."""
    lost: int = 0
    """Above zero only where a disk is meant to lose something."""

    def allow(self, letter: str, times: int) -> bool:
        """Whether so many of a letter are what the disk was meant to lose, be it one copy of two."""
        return letter in FOLLOWS_FROM_LOSS and times <= self.lost

    def broken(self, run: Run) -> Iterator[str]:
        yield from self._felt_by_senders(run.callbacks)
        yield from self._seen_behind(run)
        if run.hits < self.hits_least:
            yield f"bench: programs ended {run.hits} times at their place"
        if run.callbacks.refused < self.refused_least:
            yield f"bench: {run.callbacks.refused} answers 5xx, so that there was room all the time"

    def _felt_by_senders(self, callbacks: Sent) -> Iterator[str]:
        unacknowledged = callbacks.sent - callbacks.acknowledged
        if self.p99_s is not None and callbacks.p99_s > self.p99_s:
            yield f"limit: p99 of the answers is {callbacks.p99_s:.2f} s, allowed are {self.p99_s:.0f} s"
        if self.refused is not None and callbacks.refused > self.refused:
            yield f"limit: {callbacks.refused} answers 5xx"
        if self.unacknowledged is not None and unacknowledged > self.unacknowledged:
            yield f"limit: {unacknowledged} of {callbacks.sent} callbacks were never acknowledged"
        if self.broken_off is not None and callbacks.broken_off > self.broken_off:
            yield f"limit: {callbacks.broken_off} requests were taken and never answered"

    def _seen_behind(self, run: Run) -> Iterator[str]:
        if self.restarts is not None and run.restarts > self.restarts:
            yield f"limit: programs ended by themselves {run.restarts} times"
        if self.grown_mib is not None and run.grown_mib > self.grown_mib:
            yield f"limit: a program grew by {run.grown_mib:.0f} MiB: {run.fattest}"
        if self.late_s is not None and run.late_s > self.late_s:
            yield f"limit: a callback was recorded {run.late_s:.1f} s after it came"
        if self.stalled_s is not None and run.stalled_s > self.stalled_s:
            yield f"limit: the ledger stood still for {run.stalled_s:.1f} s of {self.stalled_s:.0f} s allowed"


STORED = Limits(p99_s=2.0, refused=0, unacknowledged=0, restarts=0)
"""Nothing that happens behind the receiver is felt by the sender, and everybody lives through it."""
STORED_ANYHOW = Limits(p99_s=2.0, refused=0)
"""For when a reconciler may be started while a broker or the database is away: it ends with a sentence."""
ALL_TAKEN = Limits(refused=0, unacknowledged=0)
"""Sooner or later: so many at once have to wait for each other."""
NO_ROOM = Limits(refused_least=1)
"""Somebody must have been refused."""
MOVING = replace(STORED, stalled_s=10.0, late_s=10.0)
"""Progress never stops: no callback waits longer, and the ledger does not stand still."""
ANY = Limits()
FLAT = Limits(grown_mib=24.0)

ALONE = Cast()
TWO = Cast(reconcilers=2)
RIVALS = Cast(reconcilers=2, fresh_groups=True)
PAIR = Cast(receivers=2)
THREE_BROKERS = Cast(brokers=3)
EVERYBODY = Cast(
    receivers=2,
    reconcilers=3,
    fresh_groups=True,
    ways=frozenset({RECONCILER_POSTGRES, RECEIVER_KAFKA}),
)

SMALL_DISK = Cast(spool_mib=16)
FLIPPED_LOST_MAX = 2
"""The record itself, and one that shares its bytes."""

QUICK = Load(rate=150)
FILLING = Load(seconds=18, rate=150)
"""A mebibyte in less time than Kafka is away."""
BRISK = Load(seconds=13, rate=400, devices=2_000)
TWICE = Load(seconds=18, again_after_s=3.0, day_every_s=6.0, tales=all_lives())
FLEET = Load(seconds=20, rate=20, operations=5, day_every_s=10, tales=(("bulk", bulk(10_000)),))
MINUTE = Load(seconds=75, rate=40, day_every_s=10)
LIVELY = Load(tales=all_lives())
USUAL, MORE, MUCH = Load(), Load(seconds=18), Load(seconds=26)
MINUTES_5 = Load(seconds=300, rate=40, day_every_s=30)
MINUTES_6 = Load(seconds=320, rate=40, day_every_s=30)
HOUR = Load(seconds=3600, rate=60, devices=20_000, day_every_s=60)
MINUTES_21 = Load(seconds=21 * 60, rate=20, day_every_s=120)


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    title: str
    draw: Draw
    cast: Cast = ALONE
    load: Load = USUAL
    limits: Limits = ANY
    seeds: int = SHORT
    may_miss: bool = False
    """Whether a kind of step may come to nothing, because another prevents it."""


def through(*ways: str) -> Cast:
    return Cast(ways=frozenset(ways))


TABLE: Sequence[Fault] = (
    Fault("none", "nothing happens", draws.nothing, load=LIVELY, limits=MOVING),
    # Reconcilers
    Fault("reconciler-killed", "the only one; its successor waits for the session to end",
          draws.reconciler_killed, limits=STORED),
    Fault("reconcilers-killed", "two that read the same partitions, one of them killed again and again",
          draws.reconcilers_killed, RIVALS, limits=STORED),
    Fault("reconciler-frozen", "past its session, then resumed while another has its partitions",
          draws.reconciler_frozen, TWO, MUCH, STORED),
    Fault("reconcilers-stutter", "two that read the same partitions, frozen and resumed in the middle",
          draws.reconcilers_stutter, RIVALS, limits=STORED),
    Fault("rebalance", "everybody is assigned anew every two seconds",
          draws.rebalances, TWO, limits=MOVING),
    Fault("rebalance-5min", "the same, for five minutes",
          draws.rebalances_5min, TWO, MINUTES_5, MOVING, LONG),
    Fault("one-four-one", "reconcilers join and leave in order",
          draws.come_and_go, ALONE, MUCH, MOVING),
    # The database
    Fault("database-killed", "kill -9, and back within moments", draws.database_killed, limits=STORED),
    Fault("database-away", "stopped in order, for seconds", draws.database_away, limits=STORED),
    Fault("database-away-20min", "stopped in order, for 20 minutes",
          draws.database_away_20min, load=MINUTES_21, limits=STORED, seeds=LONG),
    Fault("database-frozen", "its port accepts, and nobody answers", draws.database_frozen, limits=STORED),
    Fault("database-locked", "somebody's transaction holds the tables, once longer than a lock is waited for",
          draws.database_locked, load=MUCH, limits=STORED, seeds=MEDIUM),
    Fault("deadlocks", "somebody locks the same rows in another order", draws.deadlocks, TWO, limits=STORED),
    Fault("sessions-ended", "an administrator ends every session, again and again",
          draws.sessions_ended, TWO, limits=STORED),
    Fault("commit-cut", "the connection breaks just before, or just after, a commit has passed",
          draws.commits_cut, through(RECONCILER_POSTGRES), limits=STORED),
    # Ways
    Fault("way-sender-receiver", "delayed, swallowed, refused, cut, half-closed",
          draws.trouble_on(SENDER_RECEIVER), through(SENDER_RECEIVER)),
    Fault("way-receiver-kafka", "delayed, swallowed, refused, cut, half-closed",
          draws.trouble_on(RECEIVER_KAFKA), through(RECEIVER_KAFKA), limits=STORED),
    Fault("way-reconciler-kafka", "delayed, swallowed, refused, cut, half-closed",
          draws.trouble_on(RECONCILER_KAFKA), through(RECONCILER_KAFKA), limits=STORED),
    Fault("way-reconciler-postgres", "delayed, swallowed, refused, cut, half-closed",
          draws.trouble_on(RECONCILER_POSTGRES), through(RECONCILER_POSTGRES), limits=STORED),
    Fault("swallowed-receiver-kafka", "nothing passes and nothing is closed, for 15 to 25 s",
          draws.held_for_long(RECEIVER_KAFKA), through(RECEIVER_KAFKA), MUCH, STORED, MEDIUM),
    Fault("swallowed-reconciler-kafka", "nothing passes and nothing is closed, for 15 to 25 s",
          draws.held_for_long(RECONCILER_KAFKA), through(RECONCILER_KAFKA), MUCH, STORED, MEDIUM),
    Fault("swallowed-reconciler-postgres", "nothing passes and nothing is closed, for 15 to 25 s",
          draws.held_for_long(RECONCILER_POSTGRES), through(RECONCILER_POSTGRES), MUCH, STORED, MEDIUM),
    # Brokers
    Fault("broker-killed", "the only one, and back within moments",
          draws.broker_killed, load=MORE, limits=STORED),
    Fault("broker-killed-20-times", "the only one, under load",
          draws.broker_killed_20_times, load=MINUTES_5, limits=STORED, seeds=LONG),
    Fault("batches-refused", "somebody makes the topic's limit so small that Kafka refuses whole batches",
          draws.batches_refused, load=QUICK, limits=STORED),
    Fault("broker-paused", "the only one stands still for seconds", draws.broker_paused, limits=STORED),
    Fault("broker-paused-60s", "the only one stands still for a minute",
          draws.broker_paused_60s, load=MINUTE, limits=STORED, seeds=MEDIUM),
    Fault("broker-away", "the only one is stopped in order, for seconds", draws.broker_away, limits=STORED),
    Fault("broker-away-5min", "the only one is stopped in order, for 5 minutes",
          draws.broker_away_for(5), load=MINUTES_6, limits=STORED, seeds=LONG),
    Fault("broker-away-20min", "the only one is stopped in order, for 20 minutes",
          draws.broker_away_for(20), load=MINUTES_21, limits=STORED, seeds=LONG),
    Fault("leader-lost", "of three brokers, one that leads is killed",
          draws.leaders_lost, THREE_BROKERS, MORE, STORED),
    Fault("below-min-isr", "of three brokers two stand still",
          draws.below_min_isr, THREE_BROKERS, MORE, STORED),
    Fault("too-few-replicas", "the topic wants all three brokers, and one of them is stopped in order",
          draws.too_few_replicas, THREE_BROKERS, MORE, STORED),
    # Receivers
    Fault("receivers-killed", "one of two, again and again", draws.receivers_killed, PAIR),
    Fault("receivers-terminated", "in order, under load",
          draws.receivers_terminated, PAIR, limits=Limits(refused=0, broken_off=0)),
    Fault("receivers-frozen", "one of two stands still for moments", draws.receivers_frozen, PAIR),
    # What comes
    Fault("bad-records", "one of every kind we could think of, four times",
          draws.bad_records, limits=STORED),
    Fault("refused-records", "the same, and PostgreSQL refuses those of them that are events after all",
          draws.refused_records, limits=STORED),
    Fault("one-bad-among-5000", "one of every kind, each alone among a hundred good ones",
          draws.bad_records_singly, ALONE, BRISK, MOVING),
    Fault("copies", "every day comes twice, each record as seen days apart, and everybody is started anew",
          draws.copies, Cast(receivers=2, reconcilers=2, fresh_groups=True), TWICE),
    Fault("bulk-10000", "one request for 10,000 devices, and the reconciler is killed in the middle",
          draws.in_the_middle, ALONE, FLEET, ALL_TAKEN, MEDIUM),
    Fault("repetition", "records that are on the topic come again, in another order",
          draws.repetition, limits=STORED),
    # Disks
    Fault("disk-full", "Kafka is away, and somebody else fills the spool's disk",
          draws.disk_full, SMALL_DISK, MORE, NO_ROOM),
    Fault("spool-full", "Kafka is away for longer than the spool has room",
          draws.broker_away, Cast(settings={"RECEIVER_SPOOL_BYTES_MAX": "1048576"}), FILLING, NO_ROOM),
    Fault("disk-read-only", "the spool's disk takes nothing, and then Kafka goes away",
          draws.disk_read_only, SMALL_DISK, MORE),
    Fault("drain-disturbed", "Kafka comes back slowly, and the receiver is killed while its spool drains",
          draws.drain_disturbed, through(RECEIVER_KAFKA), MORE),
    Fault("spool-torn", "killed while spooling, half a record at the end of the log",
          draws.spool_torn, load=MORE),
    Fault("spool-flipped", "killed while spooling, some bytes of one page are others",
          draws.spool_flipped, load=MORE, limits=Limits(lost=FLIPPED_LOST_MAX)),
    # All at once
    Fault("anything", "two receivers, three reconcilers, and everything above at random",
          draws.anything, EVERYBODY, MORE, ANY, may_miss=True),
    Fault("anything-1h", "the same for an hour, but for a receiver and a reconciler that nobody touches",
          draws.anything_1h, EVERYBODY, HOUR, FLAT, LONG, may_miss=True),
)  # fmt: skip


@lru_cache(maxsize=1)
def faults() -> Sequence[Fault]:
    """The table, and one for each place in the product that a test build can end it at."""
    return (*TABLE, *(_at(point) for point in POINTS))


def _at(point: Point) -> Fault:
    """While a receiver's other places need Kafka, some are reached only without it."""
    cast = Cast(receivers=2, reconcilers=2, fresh_groups=True, point=point)
    limits = replace(STORED if point.part == "reconciler" else ANY, hits_least=1)
    draw = draws.broker_stutters if point.spooling else draws.nothing
    return Fault(f"{point.part}-at-{point.name}", f"killed where {point.title}", draw, cast, limits=limits)
