"""What an operator decides about an operation, and about which one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.core.evidence import Fact
from reconciler.core.facts import DECIDED_STATES, State, deciding_row
from schemas.event import Decided, DecisionEvent, decision_event
from schemas.ids import AccountName, Eid, Iccid, IntentId, OperationId, RequestId

PRODUCER: Final = "reconciler/decide"
CHOICES: Final[tuple[Decided, ...]] = ("succeeded", "failed", "void")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operation that an id may mean, as it stands."""

    operation_id: OperationId
    account: AccountName
    request_id: RequestId | None
    intent_id: IntentId | None
    eid: Eid | None
    iccid_target: Iccid | None
    action: str | None
    state: State
    final: bool
    facts: Sequence[Fact]
    first_seen_at: datetime
    version: int

    @property
    def why(self) -> str:
        return deciding_row(frozenset(self.facts))[1]

    def is_decided(self, decided: Decided) -> bool:
        """Whether the latest decision said so already."""
        return self.state == decided and not DECIDED_STATES.keys().isdisjoint(self.facts)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator named; None names nothing."""

    id: str
    eid: Eid
    iccid: Iccid | None
    account: AccountName | None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Nothing is decided: `says` tells why, `among` what there is."""

    says: str
    among: Sequence[Candidate]


def chosen(wanted: Wanted, candidates: Sequence[Candidate]) -> Candidate | Ambiguous:
    """The one operation that is meant."""
    if not candidates:
        return Ambiguous(f"the ledger knows neither a request nor an intent {wanted.id}", ())
    fitting = [row for row in candidates if _fits(wanted, row)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        return Ambiguous(f"{wanted.id} has no such operation; it has these", candidates)
    return Ambiguous(f"{wanted.id} has several such operations; name one {_by(fitting)}", fitting)


def _fits(wanted: Wanted, row: Candidate) -> bool:
    return (
        row.eid == wanted.eid
        and wanted.iccid in (None, row.iccid_target)
        and wanted.account in (None, row.account)
    )


def _by(fitting: Sequence[Candidate]) -> str:
    """The options that would tell them apart."""
    options = []
    if len({row.account for row in fitting}) > 1:
        options.append("--account")
    if len({row.iccid_target for row in fitting}) > 1:
        options.append("--iccid")
    return "by " + " and ".join(options) if options else "by its request id"


def decision(row: Candidate, decided: Decided, why: str, by: str, observed_at: datetime) -> DecisionEvent:
    """Its sequence is the version that the operator saw, so that the later of two decisions counts."""
    return decision_event(
        account=row.account,
        request_id=row.request_id,
        intent_id=row.intent_id if row.request_id is None else None,
        eid=row.eid,
        iccid=row.iccid_target,
        decided=decided,
        sequence=row.version,
        why=why,
        decided_by=by,
        observed_at=observed_at,
        producer=PRODUCER,
    )
