"""`make bench`: what our promises cost, as ratios against raw limits measured in the same run.

Figures go to `var/bench.json` and, as a short table, to stdout. A ratio above 1 means that we do more per
CPU-second than the yardstick.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.stack import Stack
from deploy.local.topics import make_topics
from tests.bench import receiver, reconciler
from tests.bench.process import pin

REPORT = Path("var/bench.json")
PREFIX = "bench."
"""The reconciler's topics; the receiver's bench fills the others."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of each (default 3)")
    parser.add_argument("--callbacks", type=int, default=20_000, help="a round, receiver (default 20000)")
    parser.add_argument("--events", type=int, default=20_000, help="a round, reconciler (default 20000)")
    parser.add_argument("--only", choices=("receiver", "reconciler"))
    chosen = parser.parse_args(arguments)
    pin(os.getpid(), 1)
    figures = run(chosen)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    show(figures)
    return 0


def run(chosen: argparse.Namespace) -> dict[str, object]:
    figures: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
    }
    with tempfile.TemporaryDirectory(prefix="profile-bench-") as folder:
        stack = Stack(Path(folder) / "stack", say=say, quick=False)
        try:
            stack.up()
            measure(stack, Path(folder), chosen, figures)
        finally:
            stack.down(erase=True)
    return figures


def measure(stack: Stack, folder: Path, chosen: argparse.Namespace, figures: dict[str, object]) -> None:
    if chosen.only != "reconciler":
        env = {"PROFILE_KAFKA_BOOTSTRAP": stack.bootstrap}
        measured = receiver.bench(env, folder, rounds=chosen.rounds, count=chosen.callbacks, say=say)
        figures["receiver"] = asyncio.run(measured)
    if chosen.only != "receiver":
        make_topics(stack.bootstrap, prefix=PREFIX, partitions=12)
        measured = reconciler.bench(stack, PREFIX, folder, rounds=chosen.rounds, count=chosen.events, say=say)
        figures["reconciler"] = asyncio.run(measured)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def show(figures: dict[str, object]) -> None:
    """One line a figure, with its spread where there is one."""
    table = Table("figure", "median", "least", "greatest", title="Profile Ledger bench")
    for part in ("receiver", "reconciler"):
        for name, value in leaves(figures.get(part, {}), part):
            if isinstance(value, dict):
                table.add_row(name, *(f"{value[key]:.2f}" for key in ("median", "least", "greatest")))
            else:
                table.add_row(name, f"{value:.2f}", "", "")
    Console(width=110).print(table)


def leaves(value: object, name: str) -> list[tuple[str, dict[str, float] | float]]:
    if isinstance(value, dict):
        if "median" in value:
            return [(name, value)]
        return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{name} {key}")]
    return [(name.replace("_", " "), float(str(value)))]


if __name__ == "__main__":
    sys.exit(main())
