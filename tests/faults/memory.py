"""What the programs hold in memory over time."""

from __future__ import annotations

from pathlib import Path

PAGE_MIB = 4096 / 1024 / 1024
SHOWN = 12
SAMPLES_LEAST = 40
"""Fewer tell nothing: a program that has just begun still grows."""


class Memory:
    """Samples by process; one that was killed and its successor are two."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, int], list[float]] = {}

    def look(self, pid: int, name: str = "") -> None:
        """Where it lives no more there is nothing to see."""
        try:
            resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            return
        self._samples.setdefault((name, pid), []).append(resident * PAGE_MIB)

    def grown_mib(self) -> float:
        """The most that one process grew, second to last quarter of its life; 0 when all are young."""
        return max((growth_mib(samples) for samples in self._old().values()), default=0.0)

    def _old(self) -> dict[tuple[str, int], list[float]]:
        """Those who lived for most of the time: a successor of somebody killed is still finding its size."""
        longest = max(map(len, self._samples.values()), default=0)
        return {who: samples for who, samples in self._samples.items() if 2 * len(samples) > longest}

    def fattest(self) -> str:
        """Who that was, and its size in MiB as time went by."""
        if not self._samples:
            return ""
        (name, _), samples = max(self._old().items(), key=lambda one: growth_mib(one[1]))
        step = max(1, len(samples) // SHOWN)
        return f"{name}: {', '.join(f'{size:.0f}' for size in samples[::step])} MiB"


def growth_mib(samples: list[float]) -> float:
    if len(samples) < SAMPLES_LEAST:
        return 0.0
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    return max(0.0, sum(last) / quarter - sum(second) / quarter)
