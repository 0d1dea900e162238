"""Which operation an event belongs to (machines.md 2).

Nothing here looks at operations found before: request, device and target are computed from the set of events.
"The one" means exactly one; where there are none or several the next source is asked, at last it is unknown.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, Literal, NamedTuple, TypeVar

from reconciler.core.evidence import Evidence
from schemas.ids import AccountName, Eid, Iccid, IntentId, OperationId, RequestId

TARGET_REPORTED: Final = frozenset({"download_enable", "enable", "activate_enable"})
"""Actions after whose success the profile active now is the target."""

_Name = TypeVar("_Name", bound=str)

_SEVERAL: Final = Eid("")


class Group(NamedTuple):
    """A request, or an intent that has not become one."""

    account: AccountName
    scope: Literal["request", "intent"]
    id: str


class Device(NamedTuple):
    """What operations of one request are told apart by: an EID, or what stands for one."""

    kind: Literal["eid", "imei", "mdn", "iccid", "none"]
    id: str


NO_DEVICE: Final = Device("none", "")


def gathered(evidence: Iterable[Evidence]) -> dict[Group, list[Evidence]]:
    """The events of each request, and of each intent that has not become one; the unmatched are in none.

    An event without request id belongs to every request its intent became; request events alone tell of that.
    """
    rows = list(evidence)
    became: dict[tuple[AccountName, IntentId], set[RequestId]] = {}
    for row in rows:
        if row.kind == "request" and row.intent_id is not None and row.request_id is not None:
            became.setdefault((row.account, row.intent_id), set()).add(row.request_id)
    groups: dict[Group, list[Evidence]] = {}
    for row in rows:
        for group in _groups_of(row, became):
            groups.setdefault(group, []).append(row)
    return groups


def _groups_of(
    row: Evidence, became: dict[tuple[AccountName, IntentId], set[RequestId]]
) -> tuple[Group, ...]:
    if row.request_id is not None:
        return (Group(row.account, "request", row.request_id),)
    if row.intent_id is None:
        return ()
    requests = became.get((row.account, row.intent_id))
    if requests is None:
        return (Group(row.account, "intent", row.intent_id),)
    return tuple(Group(row.account, "request", request) for request in sorted(requests))


def group_of(rows: Sequence[Evidence]) -> Group:
    """The one request of these events, else their one intent; each names one of both at least."""
    requests = {row.request_id for row in rows if row.request_id is not None}
    if requests:
        assert len(requests) == 1, "events of several requests are folded apart"
        return Group(rows[0].account, "request", requests.pop())
    intents = {row.intent_id for row in rows if row.intent_id is not None}
    assert len(intents) == 1, "events of several intents that became no request are folded apart"
    return Group(rows[0].account, "intent", intents.pop())


def by_device(rows: Sequence[Evidence]) -> dict[Device, list[Evidence]]:
    """The events of one request by device. An event that names an EID is never moved to another."""
    groups: dict[Device, list[Evidence]] = {}
    companions: _Companions | None = None
    for row in rows:
        if row.eid is not None:
            device = Device("eid", row.eid)
        else:
            companions = companions or _Companions(rows)
            device = companions.device_of(row)
        groups.setdefault(device, []).append(row)
    return groups


class _Companions:
    """The EIDs that events of one request name together with other identifiers."""

    __slots__ = ("_iccid", "_imei", "_mdn", "_requested")

    def __init__(self, rows: Sequence[Evidence]) -> None:
        self._imei: dict[str, Eid] = {}
        self._mdn: dict[str, Eid] = {}
        self._iccid: dict[str, Eid] = {}
        requested: set[Eid] = set()
        for row in rows:
            if row.eid is None:
                continue
            _note(self._imei, row.imei, row.eid)
            _note(self._mdn, row.mdn, row.eid)
            _note(self._iccid, row.iccid_named, row.eid)
            _note(self._iccid, row.iccid_reported, row.eid)
            if row.kind == "request":
                requested.add(row.eid)
        self._requested = requested.pop() if len(requested) == 1 else _SEVERAL

    def device_of(self, row: Evidence) -> Device:
        """The device of an event without EID."""
        eid = (
            self._imei.get(row.imei or "")
            or self._mdn.get(row.mdn or "")
            or self._by_iccid(row)
            or self._requested
        )
        if eid:
            return Device("eid", eid)
        if row.imei is not None:
            return Device("imei", row.imei)
        if row.mdn is not None:
            return Device("mdn", row.mdn)
        iccid = row.iccid_named or row.iccid_reported
        return NO_DEVICE if iccid is None else Device("iccid", iccid)

    def _by_iccid(self, row: Evidence) -> Eid | None:
        """The one EID of its ICCIDs; two that point to different EIDs point to none."""
        found = {
            eid
            for iccid in (row.iccid_named, row.iccid_reported)
            if (eid := self._iccid.get(iccid or "")) is not None
        }
        return found.pop() if len(found) == 1 else None


def _note(index: dict[str, Eid], name: str | None, eid: Eid) -> None:
    if name is not None and index.setdefault(name, eid) != eid:
        index[name] = _SEVERAL


def requested_targets(rows: Iterable[Evidence]) -> list[Iccid]:
    """The ICCIDs that the request events of one device name, sorted; several make an operation each."""
    return sorted({row.iccid_named for row in rows if row.kind == "request" and row.iccid_named is not None})


def by_target(rows: Iterable[Evidence], targets: Sequence[Iccid]) -> dict[Iccid, list[Evidence]]:
    """The events of each of several targets: those that name it, and those that name none of them."""
    groups: dict[Iccid, list[Evidence]] = {target: [] for target in targets}
    for row in rows:
        for target in _named(row) & groups.keys() or targets:
            groups[target].append(row)
    return groups


def _named(row: Evidence) -> set[Iccid]:
    """What an event is about. A callback may report another profile, so what it reports is not named."""
    named = {row.iccid_named, row.iccid_reported if row.iccid_single else None}
    return {iccid for iccid in named if iccid is not None}


def is_about(row: Evidence, target: Iccid | None, *, several: bool) -> bool:
    """Whether an event names no ICCID but the target, and does name it where it is one of several.

    Where the target stays unknown although events name ICCIDs, they are about something else.
    """
    if row.iccid_named is not None and row.iccid_named != target:
        return False
    if row.iccid_single and row.iccid_reported != target:
        return False
    return not several or row.iccid_named is not None or row.iccid_single


def action_of(rows: Iterable[Evidence]) -> str | None:
    """The one action that request events name, then the one that callbacks name."""
    asked: set[str | None] = set()
    told: set[str | None] = set()
    for row in rows:
        if row.action is None:
            continue
        if row.kind == "request":
            asked.add(row.action)
        elif row.kind == "callback":
            told.add(row.action)
    return _the_one(asked) or _the_one(told)


def unrequested_target(rows: Sequence[Evidence], action: str | None) -> Iccid | None:
    """The target of one device where no request event names one."""
    target = _the_one({row.iccid_named for row in rows if row.kind == "callback"})
    if target is None:
        target = _the_one({row.iccid_reported for row in rows if row.iccid_single})
    if target is None and action in TARGET_REPORTED:
        target = _the_one(
            {row.iccid_reported for row in rows if row.fact == "success" and row.action in (None, action)}
        )
    return target


def _the_one(found: set[_Name | None]) -> _Name | None:
    found.discard(None)
    return next(iter(found)) if len(found) == 1 else None


def intent_of(rows: Iterable[Evidence]) -> IntentId | None:
    """The one intent that the events of an operation name."""
    return _the_one({row.intent_id for row in rows})


def operation_id(group: Group, device: Device, target: Iccid | None) -> OperationId:
    """The operation's UUID (version 8), from SHA-256 of its identity; target only where there are several.

    Identifiers hold no NUL, so joining them with it loses nothing.
    """
    identity = "\0".join((*group, *device, target or ""))
    digits = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return OperationId(
        f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
    )
