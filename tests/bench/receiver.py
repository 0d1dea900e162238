"""The receiver against a bare handler and against the front that a user would write, in one run.

Each candidate runs alone on one core, the generator and Kafka on the other, in interleaved rounds. What is
compared is callbacks per CPU-second of the candidate: the machine's noise moves seconds, hardly CPU-seconds.
"""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cpu import own_seconds
from tests.bench.process import free_port, port_open, running
from tests.simulator.load import LoadPlan, LoadReport, run_load
from tests.simulator.message import Listener

CONNECTIONS = 64
WARM_COUNT = 2000
WARM_TRIES = 10
RATE = 500
ACCOUNT, USERNAME, PASSWORD = "bench-00001", "fleet", "bench-password"
ACCOUNTS = f"""
[[account]]
name = "{ACCOUNT}"
username = "{USERNAME}"
password = "{PASSWORD}"
"""


class NotTakenError(Exception):
    """A figure about refused callbacks would be worth nothing."""


@dataclass(frozen=True)
class Candidate:
    name: str
    command: Callable[[int], list[str]]
    env: Callable[[int], Mapping[str, str]]


def candidates(bootstrap: str, env: Mapping[str, str], folder: Path) -> list[Candidate]:
    """`env` is the stack's; its topics exist. The front writes its raw bodies to the same topic's twin."""
    accounts = folder / "accounts.toml"
    accounts.write_text(ACCOUNTS, encoding="utf-8")

    def receiver_env(port: int) -> Mapping[str, str]:
        return {
            **env,
            "RECEIVER_LISTEN": f"127.0.0.1:{port}",
            "RECEIVER_OPS_LISTEN": f"127.0.0.1:{free_port()}",
            "RECEIVER_ACCOUNTS_FILE": str(accounts),
            "RECEIVER_SPOOL_DIR": str(folder / "spool"),
            "RECEIVER_ALLOW": "127.0.0.1/32",
        }

    topic = env.get("PROFILE_TOPIC_PREFIX", "") + "profile.events.v1"
    return [
        Candidate("bare", lambda port: ["tests.bench.front", "bare", str(port)], lambda _: {}),
        Candidate(
            "front", lambda port: ["tests.bench.front", "kafka", str(port), bootstrap, topic], lambda _: {}
        ),
        Candidate("receiver", lambda _: ["receiver", "serve"], receiver_env),
    ]


async def load(port: int, count: int, *, seed: int, rate: float | None = None) -> LoadReport:
    listener = Listener(ACCOUNT, (f"http://127.0.0.1:{port}",), USERNAME, PASSWORD)
    plan = LoadPlan(count, CONNECTIONS, rate=rate, devices=5000, seed=f"bench-{seed}")
    report = await run_load(listener, plan)
    if set(report.answers) != {200}:
        raise NotTakenError(f"not every callback was taken: {dict(report.answers)}")
    return report


async def warm(port: int, *, seed: int) -> None:
    """Until a whole pass was taken: a front that has not met Kafka yet refuses at first."""
    for attempt in range(WARM_TRIES):
        try:
            await load(port, WARM_COUNT, seed=seed)
        except NotTakenError:
            if attempt == WARM_TRIES - 1:
                raise
        else:
            return


async def throughput(candidate: Candidate, folder: Path, *, count: int, seed: int) -> float:
    """Callbacks per CPU-second of the candidate, as fast as it answers."""
    port = free_port()
    log = folder / f"{candidate.name}.log"
    with running(candidate.command(port), env=candidate.env(port), log=log) as pid:
        await port_open(port, log)
        await warm(port, seed=seed)
        before = own_seconds(pid)
        await load(port, count, seed=seed + 1)
        return count / (own_seconds(pid) - before)


async def latency(candidate: Candidate, folder: Path, *, count: int) -> dict[str, float]:
    """Acknowledgement times in milliseconds, open loop at `RATE` a second."""
    port = free_port()
    log = folder / f"{candidate.name}.log"
    with running(candidate.command(port), env=candidate.env(port), log=log):
        await port_open(port, log)
        await warm(port, seed=1)
        report = await load(port, count, seed=2, rate=RATE)
        return {"p50_ms": 1000 * report.quantile(0.50), "p99_ms": 1000 * report.quantile(0.99)}


async def bench(
    env: Mapping[str, str], folder: Path, *, rounds: int, count: int, say: Callable[[str], None]
) -> dict[str, object]:
    everyone = candidates(env["PROFILE_KAFKA_BOOTSTRAP"], env, folder)
    figures: dict[str, list[float]] = {candidate.name: [] for candidate in everyone}
    for number in range(rounds):
        for candidate in everyone:
            figure = await throughput(candidate, folder, count=count, seed=100 * number)
            figures[candidate.name].append(figure)
            say(f"round {number + 1}/{rounds}  {candidate.name:10s} {figure:9.0f} callbacks per CPU-second")
    ours = figures["receiver"]
    return {
        "callbacks_per_cpu_second": {name: statistics.median(values) for name, values in figures.items()},
        "receiver_to_bare": ratios(ours, figures["bare"]),
        "receiver_to_front": ratios(ours, figures["front"]),
        f"acknowledgement_at_{RATE}_per_second": {
            candidate.name: await latency(candidate, folder, count=count // 4) for candidate in everyone[1:]
        },
    }


def ratios(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Round by round, so that what slows the machine for a while slows both sides."""
    each = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return {"median": statistics.median(each), "least": min(each), "greatest": max(each)}
