"""What a batch concerns: which rows are locked, what is read, and what is folded alone."""

from reconciler.core.evidence import Evidence
from reconciler.core.identity import Group
from reconciler.core.scope import (
    Concern,
    Key,
    Known,
    Link,
    Reading,
    Scope,
    Unit,
    concern_of,
    scope_of,
    with_requests_of_intents,
)
from schemas.ids import AccountName, Eid, IntentId, RequestId
from tests.unit.core.tell import EID, callback, decision, request

ACCOUNT = AccountName("0252012345-00001")
OTHER_EID = Eid("89033023426200000000005438911112")
R = Key(ACCOUNT, "R1")
S = Key(ACCOUNT, "S")
INTENT = Key(ACCOUNT, "I")
OF_R = Group(ACCOUNT, "request", "R1")
OF_S = Group(ACCOUNT, "request", "S")
OF_INTENT = Group(ACCOUNT, "intent", "I")
LINK = Link(ACCOUNT, IntentId("I"), RequestId("R1"))

NONE: dict[Key, Known] = {}


def known(*linked: str, eidless: bool = False) -> Known:
    return Known(eidless, frozenset(linked))


def scoped(*evidence: Evidence, intents: dict[Key, Known] = NONE, requests: dict[Key, Known] = NONE) -> Scope:
    concern = with_requests_of_intents(concern_of(evidence), intents)
    return scope_of(evidence, concern, intents, requests)


def test_an_event_that_names_nothing_concerns_nothing() -> None:
    assert concern_of([callback("success", request=None)]) == Concern({}, {}, frozenset())


def test_an_event_without_eid_marks_its_request() -> None:
    concern = concern_of(
        [callback("success"), callback("interim", eid=None), callback("success", request="S")]
    )
    assert concern.requests == {R: True, S: False}


def test_only_request_events_link_an_intent_with_its_request() -> None:
    linked = concern_of([request("submitted", intent="I"), decision("decided_void", intent="J", sequence=1)])
    assert linked.links == {LINK}
    assert linked.intents == {INTENT: False, Key(ACCOUNT, "J"): False}


def test_what_an_intent_says_concerns_every_request_it_became() -> None:
    concern = concern_of([request("intended", request=None, intent="I", eid=None)])
    assert with_requests_of_intents(concern, {INTENT: known("R1", "S")}).requests == {R: True, S: True}
    assert with_requests_of_intents(concern, NONE).requests == {}


def test_an_intent_that_names_no_eid_marks_the_request_it_becomes() -> None:
    concern = concern_of([request("submitted", intent="I")])
    assert with_requests_of_intents(concern, {INTENT: known(eidless=True)}).requests == {R: True}


def test_each_eid_of_a_request_is_folded_alone_and_read_alone() -> None:
    scope = scoped(callback("success"), callback("success", eid=OTHER_EID), requests={R: known()})
    assert scope.units == {Unit(OF_R, Eid(EID)), Unit(OF_R, OTHER_EID)}
    reading = scope.evidence()
    assert not reading.requests and set(reading.requests_in_part) == {(R, Eid(EID)), (R, OTHER_EID)}


def test_a_request_with_an_event_without_eid_is_folded_and_read_whole() -> None:
    for events, stored in (
        ([callback("success", eid=None)], known()),
        ([callback("success")], known(eidless=True)),
    ):
        scope = scoped(*events, requests={R: stored})
        assert scope.units == {Unit(OF_R, None)}
        assert scope.evidence() == Reading([R], [], [], []) == scope.operations()


def test_nothing_is_read_of_a_request_that_is_new() -> None:
    scope = scoped(callback("success"))
    assert not scope.evidence() and not scope.operations()


def test_a_new_link_folds_the_request_whole_and_dissolves_the_intent() -> None:
    scope = scoped(request("submitted", intent="I"), intents={INTENT: known()}, requests={R: known()})
    assert scope.links == {LINK}
    assert scope.units == {Unit(OF_R, None), Unit(OF_INTENT, None)}
    assert scope.evidence() == Reading([R], [], [INTENT], [])


def test_a_known_link_is_no_news() -> None:
    scope = scoped(request("submitted", intent="I"), intents={INTENT: known("R1")}, requests={R: known("I")})
    assert not scope.links
    assert scope.units == {Unit(OF_R, Eid(EID))}
    assert scope.evidence().intents_in_part == [(INTENT, Eid(EID))]


def test_an_intent_without_request_is_folded_like_one() -> None:
    scope = scoped(request("intended", request=None, intent="I"), intents={INTENT: known()})
    assert scope.units == {Unit(OF_INTENT, Eid(EID))}
    assert scope.evidence().intents_in_part == [(INTENT, Eid(EID))]


def test_what_an_intent_says_is_folded_into_each_of_its_requests() -> None:
    said = request("intended", request=None, intent="I")
    scope = scoped(said, intents={INTENT: known("R1", "S")}, requests={R: known("I"), S: known("I")})
    assert list(scope.units_of(said)) == [Unit(OF_R, Eid(EID)), Unit(OF_S, Eid(EID))]
    assert scope.units == set(scope.units_of(said))
