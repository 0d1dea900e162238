"""Checking an audit chain against itself, page by page; no I/O, memory for one page.

Whoever alters, removes, adds or swaps rows of `ledger.event` must recompute every later hash of that
partition to stay unseen, and then the head no longer fits the one stored beside the Kafka offset (and the
anchors outside the database). `ChainCheck` names the first row that does not fit; what follows it proves
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.chain import GENESIS, Value, digest, link, metadata


@dataclass(frozen=True, slots=True)
class Link:
    """One row of a chain as stored; body and salt are None where they were erased."""

    position: int
    offset: int
    event_id: str
    values: Sequence[Value]
    """In the order of `chain.COLUMNS`."""
    body_digest: bytes
    chain_hash: bytes
    body_salt: bytes | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class ChainHead:
    """What is stored about a chain, and which positions are there, None where there is no row."""

    partition: int
    events: int
    """How many links it has."""
    head: bytes
    """The hash of the last."""
    first_position: int | None
    last_position: int | None


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where a chain does not fit; no offset and id where the fault is in the end itself."""

    partition: int
    chain_position: int
    offset: int | None
    event_id: str | None
    fault: str


class ChainCheck:
    """Feed it the links of one partition in order of position; after the first fault it takes no more."""

    def __init__(self, stored: ChainHead) -> None:
        self._stored = stored
        self._previous = GENESIS
        self._position = 0

    @property
    def position(self) -> int:
        """Of the last link that was found whole."""
        return self._position

    @property
    def head(self) -> bytes:
        """The hash of that link, recomputed."""
        return self._previous

    def feed(self, links: Sequence[Link]) -> Fault | None:
        for row in links:
            wrong = self._wrong_place(row) or _wrong_body(row) or self._wrong_hash(row)
            if wrong is not None:
                return Fault(self._stored.partition, row.position, row.offset, row.event_id, wrong)
            self._previous = row.chain_hash
            self._position = row.position
        return None

    def finish(self) -> Fault | None:
        """What the rows together do not say themselves: whether the end is the end that was stored."""
        stored, missing = self._stored, self._position + 1
        if self._position < stored.events:
            return self._at_end(missing, f"the last {stored.events - self._position} rows are missing")
        if self._previous != stored.head:
            return self._at_end(
                self._position,
                "the chain's end does not have the hash that is stored beside the Kafka offset",
            )
        if (stored.last_position or 0) > stored.events:
            return self._at_end(missing, "rows stand behind the stored end of the chain")
        if stored.first_position is not None and stored.first_position < 1:
            return self._at_end(stored.first_position, "a row stands before the first one")
        return None

    def _at_end(self, position: int, wrong: str) -> Fault:
        return Fault(self._stored.partition, position, None, None, wrong)

    def _wrong_place(self, row: Link) -> str | None:
        expected = self._position + 1
        if row.position == expected:
            return None
        if row.position < expected:
            return "a second row stands at this position"
        missing = row.position - expected
        return f"the row before it is missing: {missing} of the chain from position {expected} on"

    def _wrong_hash(self, row: Link) -> str | None:
        if link(self._previous, metadata(row.values), row.body_digest) == row.chain_hash:
            return None
        return "its hash does not fit its columns and the row before: one of them was altered"


def _wrong_body(row: Link) -> str | None:
    if row.body is None and row.body_salt is None:
        return None  # erased for privacy; its digest stays under the chain
    if row.body is None or row.body_salt is None:
        return "of body and salt one is missing: an erasure removes both"
    if digest(row.body_salt, row.body) == row.body_digest:
        return None
    return "its body was altered: it does not have the recorded digest"
