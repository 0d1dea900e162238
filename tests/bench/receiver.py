"""The receiver against a bare handler and against the front that a user would write, in one run.

Each candidate runs alone on one core, the generator and Kafka on the other, in interleaved rounds. What is
compared is callbacks per CPU-second of the candidate: the machine's noise moves seconds, hardly CPU-seconds.
"""

import asyncio
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cpu import own_seconds
from tests.bench.load import Tally, closed_loop, open_loop
from tests.bench.process import free_port, port_open, running, tail

CONNECTIONS = 64
WARM_S = 1.0
PATH = "/v1/callbacks/bench-00001/DeviceProfileService"
ACCOUNTS = """
[[account]]
name = "bench-00001"
username = "fleet"
password = "bench-password"
"""


@dataclass(frozen=True)
class Candidate:
    name: str
    command: Callable[[int], list[str]]
    env: Callable[[int], Mapping[str, str]]


@dataclass(frozen=True)
class Round:
    per_cpu_second: float
    answered: int


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


async def throughput(candidate: Candidate, folder: Path, *, seconds: float, seed: int) -> Round:
    port = free_port()
    log = folder / f"{candidate.name}.log"
    with running(candidate.command(port), env=candidate.env(port), log=log) as pid:
        await port_open(port, log)
        url = f"http://127.0.0.1:{port}{PATH}"
        must_be_200(await closed_loop(url, connections=CONNECTIONS, seconds=WARM_S, seed=seed), log)
        before = own_seconds(pid)
        tally = await closed_loop(url, connections=CONNECTIONS, seconds=seconds, seed=seed + 1)
        spent = own_seconds(pid) - before
        must_be_200(tally, log)
        return Round(tally.answers[200] / spent, tally.answers[200])


async def latency(candidate: Candidate, folder: Path, *, seconds: float, rate: float) -> dict[str, float]:
    """Acknowledgement times in milliseconds, open loop at `rate` a second."""
    port = free_port()
    log = folder / f"{candidate.name}.log"
    with running(candidate.command(port), env=candidate.env(port), log=log):
        await port_open(port, log)
        url = f"http://127.0.0.1:{port}{PATH}"
        must_be_200(await closed_loop(url, connections=8, seconds=WARM_S, seed=1), log)
        tally = await open_loop(url, connections=CONNECTIONS, seconds=seconds, rate=rate, seed=2)
        must_be_200(tally, log)
        return {"p50_ms": 1000 * tally.quantile(0.50), "p99_ms": 1000 * tally.quantile(0.99)}


def must_be_200(tally: Tally, log: Path) -> None:
    """A figure about refused callbacks would be worth nothing."""
    if set(tally.answers) != {200}:
        raise RuntimeError(f"answers {tally.answers}: {tail(log)}")


async def bench(
    env: Mapping[str, str], folder: Path, *, rounds: int, seconds: float, say: Callable[[str], None]
) -> dict[str, object]:
    everyone = candidates(env["PROFILE_KAFKA_BOOTSTRAP"], env, folder)
    figures: dict[str, list[float]] = {candidate.name: [] for candidate in everyone}
    for number in range(rounds):
        for candidate in everyone:
            result = await throughput(candidate, folder, seconds=seconds, seed=100 * number)
            figures[candidate.name].append(result.per_cpu_second)
            say(f"round {number + 1}/{rounds}  {candidate.name:10s} {result.per_cpu_second:9.0f} per CPU-s")
            await asyncio.sleep(0)
    ours = figures["receiver"]
    return {
        "callbacks_per_cpu_second": {name: statistics.median(values) for name, values in figures.items()},
        "receiver_to_bare": ratios(ours, figures["bare"]),
        "receiver_to_front": ratios(ours, figures["front"]),
        "acknowledgement_at_500_per_second": {
            candidate.name: await latency(candidate, folder, seconds=seconds, rate=500)
            for candidate in everyone[1:]
        },
    }


def ratios(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Round by round, so that what slows the machine for a while slows both sides."""
    each = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return {"median": statistics.median(each), "least": min(each), "greatest": max(each)}
