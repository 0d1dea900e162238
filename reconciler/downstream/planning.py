"""From what an operation settled as to the jobs that follow. Pure: times, mappings and targets are given.

Only the settled deletion of a profile ever makes a job: never a warning, never the request itself, never a
repetition, and what a rebuild says again only where the target was told to take it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import orjson

from reconciler.downstream.job import State
from reconciler.downstream.targets import Target

DELETES: Final = frozenset({"delete"})
RETURNS: Final = frozenset({"download", "download_enable", "download_disable", "enable", "activate_enable"})
"""What brings a profile back, so that nothing of it may be deleted any more."""

Binding = Literal["subscription", "device"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a message of `profile.operations.v1` says, as far as it matters here."""

    operation_id: str
    account: str
    request_id: str | None
    eid: str | None
    iccid: str | None
    action: str | None
    state: str
    final: bool
    settled_at: datetime | None
    version: int
    replay: bool
    """Said again by a rebuild, not by an event."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One row of the mapping. For Oracle `holder_id` is the uniqueUserId; app and device are empty.

    `gone`: the profile of this row has been deleted since, as far as we were told.
    """

    mapping_id: int
    account: str
    eid: str
    iccid: str | None
    target: str
    binding: Binding
    app_id: str
    holder_id: str
    device_id: str
    enabled: bool
    denied: bool
    gone: bool
    verified: bool

    def ids(self) -> tuple[str, ...]:
        return (self.app_id, self.holder_id, self.device_id)


@dataclass(frozen=True, slots=True)
class NewJob:
    """`key` makes it once, whatever repeats."""

    key: bytes
    mapping: Mapped
    settled: Settled
    state: State
    reason: str
    event_at: datetime
    hold_until: datetime


def is_deletion(settled: Settled) -> bool:
    return settled.action in DELETES and settled.state == "succeeded" and settled.final and _is_named(settled)


def is_return(settled: Settled) -> bool:
    """Whether the profile is there again."""
    return settled.action in RETURNS and settled.state == "succeeded" and _is_named(settled)


def is_taken_back(settled: Settled) -> bool:
    """Whether a deletion is no success any more: a conflict, or a person's decision."""
    return settled.action in DELETES and settled.state != "succeeded"


def _is_named(settled: Settled) -> bool:
    return settled.eid is not None and settled.iccid is not None and settled.settled_at is not None


def jobs_for(
    settled: Settled,
    mapped: Sequence[Mapped],
    holders: Mapping[tuple[str, str], Sequence[Mapped]],
    targets: Mapping[str, Target],
    now: datetime,
) -> list[NewJob]:
    """The jobs of a settled deletion, in the order of the mapping.

    `mapped`: the rows of this account and EID. `holders`: by target and holder, every row that leads to them.
    """
    if not is_deletion(settled) or settled.settled_at is None:
        return []
    found = []
    for row in mapped:
        target = targets.get(row.target)
        if target is None or not _fires(settled, row, target):
            continue
        if target.kind == "oracle_risk" and not _is_due(row, holders[row.target, row.holder_id], target):
            continue
        state, reason = _first_state(settled, row, target, now)
        at = settled.settled_at
        found.append(NewJob(_key(settled, row), row, settled, state, reason, at, max(now, at + target.hold)))
    return found


def _fires(settled: Settled, row: Mapped, target: Target) -> bool:
    return (
        target.mode != "off"
        and settled.account in target.accounts
        and row.account == settled.account
        and row.enabled
        and row.binding == "subscription"
        and row.iccid == settled.iccid
        and (target.replays or not settled.replay)
    )


def _is_due(row: Mapped, of_holder: Iterable[Mapped], target: Target) -> bool:
    """Whether this was the customer's last mapped device, where only that counts."""
    if target.policy == "any_device":
        return True
    return all(other.gone or other.mapping_id == row.mapping_id for other in of_holder if other.enabled)


def _first_state(settled: Settled, row: Mapped, target: Target, now: datetime) -> tuple[State, str]:
    names = {row.eid, *row.ids()} - {""}
    if row.denied or names & target.deny:
        return "denied", "on the deny list"
    if target.allow and not names & target.allow:
        return "denied", "not on the allow list"
    if settled.settled_at is not None and now - settled.settled_at > target.event_age_max:
        return "too_old", "settled too long ago to be acted on"
    if target.mode == "dry-run":
        return "dry_run", "would be sent, were the target live"
    return "held", "waits out the time in which it can be cancelled"


def _key(settled: Settled, row: Mapped) -> bytes:
    parts = (
        settled.account,
        row.target,
        settled.request_id or settled.operation_id,
        settled.eid,
        settled.iccid,
    )
    return hashlib.sha256(orjson.dumps([*parts, settled.action, *row.ids()])).digest()


def too_many(planned: int, mapped: int, target: Target) -> bool:
    """Whether so many deletions, of an account with so many mapped devices, need a person's word.

    A share counts from ten on: of three devices one may go.
    """
    return planned > target.deletes_max or (
        planned > SHARE_FROM and planned > mapped * target.deletes_share_max
    )


SHARE_FROM: Final = 10
