"""What happens in each fault: draws of steps from a random generator, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence

from reconciler.kafka.source import SESSION_TIMEOUT_S
from tests.faults.scene import RECEIVER_KAFKA, RECONCILER_POSTGRES
from tests.faults.schedule import Draw, Step, lasting, moments

SHORT_S = 0.3
"""Below the receiver's patience with Kafka."""
SLOW = 0.6
PAIR = ("receiver-1", "receiver-2")
RIVALS = ("reconciler-1", "reconciler-2")


def nothing(_: random.Random) -> Sequence[Step]:
    return ()


# Reconcilers


def reconcilers_killed(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "kill", rng.choice(RIVALS), lasting(rng, 0.0, 0.5)) for at in moments(rng, 5, 11)]


def reconciler_killed(rng: random.Random) -> Sequence[Step]:
    return [Step(moments(rng, 1, 6)[0], "kill", "reconciler-1")]


def reconciler_frozen(rng: random.Random) -> Sequence[Step]:
    """Longer than its session: the other takes over, and then the sleeper wakes, an old batch in its hands.

    Under load, or when all is applied: then nothing that comes later can cover what it does.
    """
    longer_s = SESSION_TIMEOUT_S + lasting(rng, 2, 6)
    at_s = rng.choice((lasting(rng, 1, 6), lasting(rng, 20, 25)))
    return [Step(at_s, "freeze", "reconciler-1", longer_s)]


def reconcilers_stutter(rng: random.Random) -> Sequence[Step]:
    """Rivals read the same partitions, and either may wake in the middle of what the other one does.

    The last to sleep wakes when the other has applied everything, with a batch of long ago in its hands.
    """
    return [
        *(Step(at, "freeze", rng.choice(RIVALS), lasting(rng, 0.1, 1.5)) for at in moments(rng, 8, 10)),
        Step(lasting(rng, 11, 11.9), "freeze", rng.choice(RIVALS), 8.0),
    ]


def rebalances(rng: random.Random) -> Sequence[Step]:
    return [Step(float(at), "rebalance", "group") for at in range(2, 12, 2)]


def rebalances_5min(rng: random.Random) -> Sequence[Step]:
    return [Step(float(at), "rebalance", "group") for at in range(2, 300, 2)]


def come_and_go(rng: random.Random) -> Sequence[Step]:
    """One, four, one."""
    more = ("reconciler-2", "reconciler-3", "reconciler-4")
    return [
        *(Step(at, "add", part) for at, part in zip(moments(rng, 3, 10), more, strict=True)),
        *(Step(at, "remove", part) for at, part in zip(moments(rng, 3, 24, after_s=14), more, strict=True)),
    ]


# The database


def database_killed(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "kill", "postgres", lasting(rng, 0.0, 1.5)) for at in moments(rng, 3, 11)]


def database_away(rng: random.Random) -> Sequence[Step]:
    return [Step(moments(rng, 1, 3)[0], "stop", "postgres", lasting(rng, 5, 9))]


def database_away_20min(rng: random.Random) -> Sequence[Step]:
    return [Step(5.0, "stop", "postgres", 20 * 60.0)]


def database_frozen(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "freeze", "postgres", lasting(rng, 0.5, 3)) for at in moments(rng, 2, 10)]


def database_locked(rng: random.Random) -> Sequence[Step]:
    """Once for a moment, once for longer than the reconciler waits for a lock."""
    return [
        Step(moments(rng, 1, 3)[0], "lock", "postgres", lasting(rng, 0.5, 2)),
        Step(6.0, "lock", "postgres", lasting(rng, 16, 19)),
    ]


def deadlocks(rng: random.Random) -> Sequence[Step]:
    return [Step(1.0, "tangle", "postgres", 10.0)]


def sessions_ended(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "end_sessions", "postgres") for at in moments(rng, 12, 11)]


def commits_cut(rng: random.Random) -> Sequence[Step]:
    return [
        Step(at, rng.choice(("cut_before_commit", "cut_after_commit")), RECONCILER_POSTGRES)
        for at in moments(rng, 12, 11)
    ]


# Ways


def trouble_on(way: str) -> Draw:
    """Of every kind, in random order."""

    def draw(rng: random.Random) -> Sequence[Step]:
        kinds = ["delay", "hold", "refuse", "cut", "half_close_there", "half_close_back", "cut"]
        rng.shuffle(kinds)
        brief = {"cut", "half_close_there", "half_close_back"}
        return [
            Step(at, kind, way, 0.0 if kind in brief else lasting(rng, 0.4, 1.5))
            for at, kind in zip(moments(rng, len(kinds), 12), kinds, strict=True)
        ]

    return draw


def held_for_long(way: str) -> Draw:
    def draw(rng: random.Random) -> Sequence[Step]:
        return [Step(moments(rng, 1, 4)[0], "hold", way, lasting(rng, 15, 25))]

    return draw


# Brokers


def broker_killed(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "kill", "broker-1", lasting(rng, 0.0, 2)) for at in moments(rng, 2, 14)]


def broker_killed_20_times(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "kill", "broker-1", lasting(rng, 0.0, 3)) for at in moments(rng, 20, 240)]


def broker_paused(rng: random.Random) -> Sequence[Step]:
    return [Step(moments(rng, 1, 3)[0], "freeze", "broker-1", lasting(rng, 3, 8))]


def batches_refused(rng: random.Random) -> Sequence[Step]:
    """Below the patience of the receiver, so that batches grow, and Kafka says no to them."""
    return [
        Step(0.5, "narrow", "topic", 11.0),
        *(Step(at, "freeze", "broker-1", lasting(rng, 0.3, 0.6)) for at in moments(rng, 8, 11, after_s=2)),
    ]


def broker_stutters(rng: random.Random) -> Sequence[Step]:
    """Each time for longer than the receiver's patience, so that it spools, and drains between."""
    return [Step(at, "freeze", "broker-1", lasting(rng, 1.2, 2)) for at in moments(rng, 4, 11)]


def broker_paused_60s(rng: random.Random) -> Sequence[Step]:
    return [Step(5.0, "freeze", "broker-1", 60.0)]


def broker_away(rng: random.Random) -> Sequence[Step]:
    return [Step(moments(rng, 1, 3)[0], "stop", "broker-1", lasting(rng, 4, 9))]


def broker_away_for(minutes: int) -> Draw:
    def draw(rng: random.Random) -> Sequence[Step]:
        return [Step(5.0, "stop", "broker-1", minutes * 60.0)]

    return draw


def leaders_lost(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "kill_leader", "broker", lasting(rng, 1, 5)) for at in moments(rng, 2, 16)]


def below_min_isr(rng: random.Random) -> Sequence[Step]:
    """Two of three stand still: the third one may not acknowledge."""
    still = rng.sample(("broker-1", "broker-2", "broker-3"), 2)
    return [Step(2.0, "freeze", broker, lasting(rng, 8, 14)) for broker in still]


def too_few_replicas(rng: random.Random) -> Sequence[Step]:
    """Kafka says so at once, where it only keeps silent while two of three stand still."""
    one = rng.choice(("broker-1", "broker-2", "broker-3"))
    return [Step(1.5, "want_all_replicas", "topic", 11.0), Step(3.0, "stop", one, lasting(rng, 4, 8))]


# Receivers, and everything


def receivers_killed(rng: random.Random) -> Sequence[Step]:
    """Now and then while the broker is slow: what waits for it then is promised to nobody yet."""
    times = moments(rng, 5, 11)
    return [
        *(Step(at, "kill", rng.choice(PAIR), lasting(rng, 0.0, 1)) for at in times),
        *(Step(at - SHORT_S, "freeze", "broker-1", 2 * SHORT_S) for at in times if rng.random() < SLOW),
    ]


def receivers_terminated(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "stop", rng.choice(PAIR), lasting(rng, 0.0, 0.5)) for at in moments(rng, 3, 11)]


def receivers_frozen(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "freeze", rng.choice(PAIR), lasting(rng, 0.2, 2)) for at in moments(rng, 5, 11)]


def bad_records(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "spoil", "topic") for at in moments(rng, 4, 11)]


def refused_records(rng: random.Random) -> Sequence[Step]:
    """PostgreSQL refuses what can be read as well."""
    return [Step(0.2, "refuse_strangers", "postgres"), *bad_records(rng)]


def bad_records_singly(rng: random.Random) -> Sequence[Step]:
    return [Step(1.0, "spoil_singly", "topic", 11.0)]


def copies(rng: random.Random) -> Sequence[Step]:
    """Everybody is started anew, some killed and some in order, between the copies."""
    parts = (*PAIR, *RIVALS)
    again = [Step(at, rng.choice(("kill", "stop")), part) for part in parts for at in moments(rng, 2, 16)]
    return [*again, *(Step(at, "repeat_otherwise", "topic") for at in moments(rng, 3, 17, after_s=4))]


def in_the_middle(rng: random.Random) -> Sequence[Step]:
    """Of something long: the reconciler is killed, and everything is assigned anew."""
    return [
        *(Step(at, "kill", "reconciler-1", lasting(rng, 0, 1)) for at in moments(rng, 2, 14, after_s=4)),
        Step(6.0, "rebalance", "group"),
    ]


def repetition(rng: random.Random) -> Sequence[Step]:
    return [Step(at, "repeat", "topic") for at in moments(rng, 4, 11)]


def anything(rng: random.Random) -> Sequence[Step]:
    """Each part has its own trouble at its own times."""
    return [
        *(
            Step(at, rng.choice(("kill", "freeze")), "receiver-1", lasting(rng, 0, 1))
            for at in moments(rng, 2, 16)
        ),
        *(Step(at, "kill", "receiver-2", lasting(rng, 0, 2)) for at in moments(rng, 2, 16)),
        *(Step(at, "kill", "reconciler-1", lasting(rng, 0, 2)) for at in moments(rng, 2, 16)),
        *(Step(at, "freeze", "reconciler-2", lasting(rng, 0, 3)) for at in moments(rng, 2, 16)),
        *(Step(at, "kill", "postgres", lasting(rng, 0, 2)) for at in moments(rng, 1, 16)),
        *(Step(at, "kill", "broker-1", lasting(rng, 0, 2)) for at in moments(rng, 1, 16)),
        *(
            Step(at, rng.choice(("cut", "half_close_back")), RECONCILER_POSTGRES)
            for at in moments(rng, 3, 16)
        ),
        *(Step(at, "cut", RECEIVER_KAFKA) for at in moments(rng, 2, 16)),
        *(Step(at, rng.choice(("spoil", "repeat")), "topic") for at in moments(rng, 2, 16)),
    ]


def anything_1h(rng: random.Random) -> Sequence[Step]:
    """The memory of those who live for the whole hour can be judged.

    First database and broker are away for so long that batches and spools become as large as they get: what
    memory that takes is taken once, and what grows after it would grow for ever.
    """
    hour = 3590.0
    return [
        Step(60.0, "stop", "postgres", 60.0),
        Step(180.0, "stop", "broker-1", 60.0),
        *(Step(at, "kill", "receiver-1", lasting(rng, 0, 3)) for at in moments(rng, 40, hour)),
        *(Step(at, "kill", "reconciler-1", lasting(rng, 0, 3)) for at in moments(rng, 40, hour)),
        *(Step(at, "freeze", "reconciler-2", lasting(rng, 0, 15)) for at in moments(rng, 40, hour)),
        *(Step(at, "kill", "postgres", lasting(rng, 0, 5)) for at in moments(rng, 12, hour)),
        *(Step(at, "kill", "broker-1", lasting(rng, 0, 20)) for at in moments(rng, 12, hour)),
        *(Step(at, "cut", RECONCILER_POSTGRES) for at in moments(rng, 60, hour)),
        *(Step(at, "cut", RECEIVER_KAFKA) for at in moments(rng, 60, hour)),
        *(Step(at, rng.choice(("spoil", "repeat")), "topic") for at in moments(rng, 30, hour)),
    ]


# Spools


def disk_full(rng: random.Random) -> Sequence[Step]:
    return [
        Step(2.0, "stop", "broker-1", lasting(rng, 8, 12)),
        Step(round(rng.uniform(3, 6), 2), "fill", "receiver-1", lasting(rng, 2, 4)),
    ]


def disk_read_only(rng: random.Random) -> Sequence[Step]:
    """While Kafka takes everything, and while it is away."""
    return [
        Step(2.0, "read_only", "receiver-1", lasting(rng, 6, 9)),
        Step(round(rng.uniform(3, 6), 2), "stop", "broker-1", lasting(rng, 4, 8)),
    ]


def drain_disturbed(rng: random.Random) -> Sequence[Step]:
    """Kafka takes nothing, then everything slowly; and then the receiver is killed."""
    steps: list[Step] = []
    for began in (1.0, 5.5, 10.0):
        held_s = lasting(rng, 1.8, 2.4)
        back = began + held_s
        steps += [Step(began, "hold", RECEIVER_KAFKA, held_s), Step(back, "slow", RECEIVER_KAFKA, 1.6)]
        steps.append(Step(round(back + rng.uniform(0.1, 1.3), 2), "kill", "receiver-1"))
    return steps


def spool_torn(rng: random.Random) -> Sequence[Step]:
    return [
        Step(2.0, "stop", "broker-1", lasting(rng, 9, 12)),
        *(Step(at, "tear", "receiver-1") for at in moments(rng, 2, 9, after_s=4)),
    ]


def spool_flipped(rng: random.Random) -> Sequence[Step]:
    return [
        Step(2.0, "stop", "broker-1", lasting(rng, 9, 12)),
        Step(round(rng.uniform(5, 8), 2), "flip", "receiver-1"),
    ]
