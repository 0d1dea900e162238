"""Which rows of the profiles of an eUICC change when they are folded again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.core.operation import Operation
from reconciler.core.profile import Profile, fold_device
from schemas.ids import Eid, Iccid, OperationId


class StoredProfile(NamedTuple):
    """A row of `ledger.profile`. `version` is the microsecond of its recording."""

    profile_id: int
    version: int
    profile: Profile


@dataclass(frozen=True, slots=True)
class ProfileChanges:
    """`changed` and `gone` hold what stood there before; a changed row keeps its id."""

    new: Sequence[Profile]
    changed: Sequence[tuple[StoredProfile, Profile]]
    gone: Sequence[StoredProfile]


def operations_by_device(
    stored: Iterable[Operation], changed: Sequence[Operation], gone: Sequence[Operation]
) -> dict[Eid, list[Operation]]:
    """What each EID has now: stored rows are replaced by their changed ones, vanished ones left out."""
    now: dict[OperationId, Operation] = {operation.operation_id: operation for operation in stored}
    for operation in gone:
        now.pop(operation.operation_id, None)
    for operation in changed:
        now[operation.operation_id] = operation
    by_device: dict[Eid, list[Operation]] = {}
    for operation in now.values():
        if operation.eid is not None:
            by_device.setdefault(operation.eid, []).append(operation)
    return by_device


def profile_changes(
    eids: Iterable[Eid], operations: Mapping[Eid, Sequence[Operation]], stored: Iterable[StoredProfile]
) -> ProfileChanges:
    """Folds each of `eids` and compares with what is stored."""
    were: dict[Eid, list[StoredProfile]] = {}
    for row in stored:
        were.setdefault(row.profile.eid, []).append(row)
    new: list[Profile] = []
    changed: list[tuple[StoredProfile, Profile]] = []
    gone: list[StoredProfile] = []
    for eid in eids:
        folded = fold_device(operations.get(eid, ()))
        if eid in were:
            _compare(were[eid], folded, new, changed, gone)
        else:
            new.extend(folded)
    return ProfileChanges(new, changed, gone)


def _compare(
    were: Sequence[StoredProfile],
    folded: Sequence[Profile],
    new: list[Profile],
    changed: list[tuple[StoredProfile, Profile]],
    gone: list[StoredProfile],
) -> None:
    """A profile is the same by its ICCID; a bootstrap whose ICCID is learnt now is the one that had none."""
    left: dict[Iccid | None, StoredProfile] = {row.profile.iccid: row for row in were}
    unmatched: list[Profile] = []
    for profile in folded:
        row = left.pop(profile.iccid, None)
        if row is None:
            unmatched.append(profile)
        elif row.profile != profile:
            changed.append((row, profile))
    for profile in unmatched:
        nameless = left.pop(None, None) if profile.bootstrap else None
        if nameless is None:
            new.append(profile)
        else:
            changed.append((nameless, profile))
    gone.extend(left.values())
