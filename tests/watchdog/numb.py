"""A test build of the reconciler: `python -m tests.watchdog.numb run`. On SIGUSR1 its fetcher dies.

The task ends without a word, as if it hung: heartbeats go on, the partitions stay assigned, and no record
comes any more.
"""

import asyncio
import signal
import sys

from reconciler.__main__ import main
from reconciler.kafka.source import KafkaSource
from schemas.logline import Log
from tests.support.polling import eventually

LAST_WORD = "fetcher_dead"


def arm() -> None:
    start = KafkaSource.start
    dying: list[asyncio.Task[None]] = []

    async def start_armed(source: KafkaSource) -> None:
        await start(source)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, lambda: dying.append(loop.create_task(fetcher_dies(source))))

    setattr(KafkaSource, "start", start_armed)  # noqa: B010


async def fetcher_dies(source: KafkaSource) -> None:
    """Tells so when nothing that it asked for is on its way any more."""
    fetcher = source._consumer._fetcher
    fetcher._fetch_task.cancel()
    await eventually(lambda: not fetcher._in_flight)
    Log("test").emit(LAST_WORD)


if __name__ == "__main__":
    arm()
    sys.exit(main())
