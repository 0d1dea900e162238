"""A submission on its real parts, for one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from reconciler.access import writer_access
from reconciler.kafka.security import security_options
from reconciler.kafka.sender import sender
from reconciler.settings import ReconcilerSettings
from reconciler.submit.ledger import SubmitLedger, submit_ledger
from reconciler.submit.submit import Submission, Terms, ThingSpace
from schemas.event import RequestEvent
from schemas.record import record_of


class Parts(NamedTuple):
    submission: Submission
    ledger: SubmitLedger


@asynccontextmanager
async def open_submission(
    settings: ReconcilerSettings, thingspace: ThingSpace, terms: Terms
) -> AsyncIterator[Parts]:
    """Raises `DatabaseError` and `ClusterError`, at the start and inside the block."""
    bootstrap = ",".join(settings.kafka_bootstrap_servers)
    async with (
        submit_ledger(writer_access(settings)) as ledger,
        sender(bootstrap, security_options(settings)) as send,
    ):

        async def say(event: RequestEvent) -> None:
            await send(record_of(settings.topics, event))

        yield Parts(Submission(ledger, thingspace, say, terms), ledger)
