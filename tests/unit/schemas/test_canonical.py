"""The canonical form is the standard library's, whichever way it was written."""

import json
from copy import deepcopy
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.canonical import DEPTH_MAX, Survey, canonical_json, compact_json, surveyed
from schemas.names import Json, JsonObject

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
EXACT: st.SearchStrategy[Json] = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS
ANY: st.SearchStrategy[Json] = EXACT | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from(["id", "kind", "Kind", "deviceIds", "status", "x", "é", "\u2028", "🂡"]) | TEXTS


def nested(leaves: st.SearchStrategy[Json]) -> st.SearchStrategy[JsonObject]:
    def deeper(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        identifier = st.fixed_dictionaries({"id": leaves, "kind": TEXTS}, optional={"x": leaves})
        either = st.lists(inner, max_size=3) | st.lists(identifier, max_size=4)
        return cast("st.SearchStrategy[Json]", either | st.dictionaries(NAMES, inner, max_size=3))

    return st.dictionaries(NAMES, st.recursive(leaves, deeper, max_leaves=8), max_size=4)


def written_by_hand(value: Json) -> str:
    """Independent of the product: the rule of interfaces.md, by the standard library."""
    return json.dumps(in_order(kept(value)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


LEFT_OUT = {"username", "password", "devicecredential", "callbackcount", "maxcallbackthreshold"}


def kept(value: Json) -> Json:
    """Without the members that may not be kept."""
    if isinstance(value, dict):
        return {key: kept(item) for key, item in value.items() if key.strip().casefold() not in LEFT_OUT}
    return [kept(item) for item in value] if isinstance(value, list) else value


def in_order(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: in_order(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [in_order(item) for item in value]
    if items and all(isinstance(item, dict) and "kind" in map(folded, item) for item in items):
        items.sort(key=written_by_hand)
    return items


def folded(name: str) -> str:
    return name.strip().casefold()


@settings(max_examples=60, deadline=None)
@given(nested(EXACT))
def test_orjson_writes_what_the_standard_library_writes(value: JsonObject) -> None:
    assert canonical_json(value, exact=False) == canonical_json(value, exact=True)


@settings(max_examples=60, deadline=None)
@given(nested(ANY))
def test_a_body_is_hashed_in_the_canonical_form(value: JsonObject) -> None:
    assert surveyed(deepcopy(value))[0].decode() == written_by_hand(value)


@settings(max_examples=60, deadline=None)
@given(nested(ANY))
def test_the_walk_leaves_the_received_order_alone(value: JsonObject) -> None:
    walked = deepcopy(value)
    surveyed(walked)
    assert json.dumps(walked) == json.dumps(kept(value))


@settings(max_examples=60, deadline=None)
@given(nested(ANY))
def test_the_order_of_members_and_identifiers_is_of_no_account(value: JsonObject) -> None:
    assert surveyed(turned_round(value))[0] == surveyed(deepcopy(value))[0]


def turned_round(value: Json) -> JsonObject:
    def turn(node: Json) -> Json:
        if isinstance(node, dict):
            return {key: turn(node[key]) for key in sorted(node, reverse=True)}
        if isinstance(node, list):
            items = [turn(item) for item in node]
            sortable = all(isinstance(item, dict) and "kind" in item for item in items)
            return items[::-1] if sortable else items
        return node

    turned = turn(value)
    assert isinstance(turned, dict)
    return turned


@settings(max_examples=60, deadline=None)
@given(nested(ANY))
def test_compact_json_reads_back_as_it_was(value: JsonObject) -> None:
    assert json.loads(compact_json(value)) == value


def deep(containers: int) -> JsonObject:
    """So many containers within each other."""
    value: Json = []
    for level in range(containers - 2):
        value = {"x": value} if level % 2 else [value]
    return {"x": value}


def test_a_hundred_containers_are_deep_enough() -> None:
    for containers, too_deep in ((DEPTH_MAX, False), (DEPTH_MAX + 1, True)):
        survey = Survey(exact=False)
        survey.object(deep(containers), 1)
        assert survey.too_deep is too_deep


def test_identifiers_at_the_bottom_count_for_the_depth() -> None:
    value: Json = [{"id": "1", "kind": "eid"}]
    for _ in range(DEPTH_MAX - 2):
        value = {"x": value}
    survey = Survey(exact=False)
    survey.object({"x": value}, 1)
    assert survey.too_deep
