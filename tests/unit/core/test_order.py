"""Rows are a function of the set of events: order, repetition and splitting change nothing."""

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.evidence import Evidence, Fact, Kind
from reconciler.core.identity import gathered
from reconciler.core.operation import Fold, Operation, fold_request, operation_order, outcome
from reconciler.core.profile import Profile, fold_device
from schemas.signal import ACTIONS
from tests.unit.core.tell import Said, callback, decision, poll, request
from tests.unit.core.test_truth import check_invariants

FACTS: dict[Kind, tuple[Fact, ...]] = {
    "callback": ("held", "interim", "unclear", "failure", "success", "success"),
    "poll": ("poll_pending", "poll_success", "poll_failure"),
    "request": ("intended", "submitted", "announced", "rejected", "submit_unclear"),
    "decision": ("decided_success", "decided_failure", "decided_void"),
}
MAKE = {"callback": callback, "poll": poll, "request": request, "decision": decision}


def anything(rng: Random, *, eids: Sequence[str | None] = ("E1", "E1", "E2", None)) -> Evidence:
    """An event whose parts need not fit together, out of few enough of each that they often meet."""
    kind = rng.choice(tuple(FACTS))
    said = Said(
        at=float(rng.randrange(4)),
        request=rng.choice(("R1", "R2", None))
        if kind in ("request", "decision")
        else rng.choice(("R1", "R2")),
        eid=rng.choice(eids),
    )
    if kind in ("request", "decision") and rng.random() < 0.5:
        said["intent"] = rng.choice(("I1", "I2"))
    if kind != "decision" and rng.random() < 0.4:
        said["imei"] = rng.choice("12")
    if rng.random() < 0.5:
        said["iccid"] = rng.choice("XYB")
    if kind in ("callback", "poll") and rng.random() < 0.5:
        said["reported"] = rng.choice("XYB")
    if kind in ("callback", "request") and rng.random() < 0.8:
        said["action"] = rng.choice(ACTIONS)
    if kind == "request" and rng.random() < 0.5:
        said["requested"] = float(rng.randrange(4))
    if kind == "decision":
        said["sequence"] = rng.randrange(2)
    if kind == "callback":
        said["attempt"], said["attempts_max"] = rng.randrange(1, 5), 4
    return MAKE[kind](rng.choice(FACTS[kind]), **said)


def folded(evidence: Sequence[Evidence]) -> tuple[set[Operation], dict[str, tuple[Profile, ...]]]:
    """All operations, and the profiles of each EID."""
    operations = {known for rows in gathered(evidence).values() for known in fold_request(rows).operations}
    eids = {known.eid for known in operations if known.eid is not None}
    return operations, {eid: fold_device(known for known in operations if known.eid == eid) for eid in eids}


def copy_of(row: Evidence, rng: Random) -> Evidence:
    """The same event as another producer saw it."""
    return row._replace(observed_at=row.observed_at.replace(microsecond=rng.randrange(1000)), mdn="7")


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0))
def test_any_permutation_and_any_repetition_give_the_same_rows(seed: int) -> None:
    rng = Random(seed)
    rows = [anything(rng) for _ in range(rng.randrange(1, 12))]
    copies = [copy_of(rng.choice(rows), rng) for _ in range(rng.randrange(4))]
    once = folded([*rows, *copies])
    again = [*rows, *copies, *rng.choices(rows, k=rng.randrange(4))]
    rng.shuffle(again)
    assert folded(again) == once
    for profiles in once[1].values():
        check_invariants(profiles)


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0))
def test_an_eid_may_be_folded_alone_where_every_event_names_eid_and_request(seed: int) -> None:
    rng = Random(seed)
    rows = [row for _ in range(20) if (row := anything(rng, eids=("E1", "E2"))).request_id is not None]
    for told in gathered(rows).values():
        whole = fold_request(told)
        for eid in {row.eid for row in told}:
            alone = fold_request([row for row in told if row.eid == eid])
            assert alone.operations == tuple(known for known in whole.operations if known.eid == eid)
            assert all(whole.belongs[key] == own for key, own in alone.belongs.items())


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0))
def test_every_event_of_a_request_belongs_to_an_operation_and_has_an_outcome(seed: int) -> None:
    rng = Random(seed)
    for told in gathered([anything(rng) for _ in range(8)]).values():
        named = [row for row in told if row.request_id is not None] or told
        fold = Fold((), {})
        for count, row in enumerate(named):
            before, fold = fold, fold_request(named[: count + 1])
            own = [known for known in fold.operations if known.operation_id in fold.belongs[row.key]]
            assert own == sorted(own, key=operation_order) != []
            assert outcome(before.operations, own, row, repeated=row.key in before.belongs) != "unmatched"


@settings(max_examples=80, deadline=None)
@given(st.integers(min_value=0))
def test_operations_of_a_device_may_come_in_any_order(seed: int) -> None:
    rng = Random(seed)
    operations = [known for known in folded([anything(rng) for _ in range(30)])[0] if known.eid == "E1"]
    once = fold_device(operations)
    for _ in range(5):
        rng.shuffle(operations)
        assert fold_device(operations) == once
