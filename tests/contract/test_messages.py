"""What those outside rely on, byte for byte, and that models, schemas and the reconciler say the same."""

import json
from typing import get_args

import jsonschema
import pytest

from reconciler.core.facts import State
from reconciler.core.profile import Certainty, Profile
from schemas.generate import documents
from schemas.message import CE_TYPES, message_record
from schemas.operation_message import OperationMessage, OperationState
from schemas.state_message import StateMessage
from schemas.topics import Topics
from tests.contract.golden import described
from tests.contract.golden_messages import FOLDER, messages, records

RECORDS = records()


@pytest.mark.parametrize("name", RECORDS)
def test_a_message_of_version_1_has_the_same_bytes_for_ever(name: str) -> None:
    record = RECORDS[name]
    kept = FOLDER / f"{name}.value.json"
    assert record.value == (kept.read_bytes() if kept.exists() else None)
    assert described(record) == (FOLDER / f"{name}.record.json").read_text(encoding="utf-8")


def test_nothing_golden_is_left_over() -> None:
    names = {path.name.removesuffix(".value.json").removesuffix(".record.json") for path in FOLDER.iterdir()}
    assert names == set(RECORDS)


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record.value is not None])
def test_what_is_sent_is_what_the_model_and_the_schema_say(name: str) -> None:
    kind = name.split("_")[0]
    value = RECORDS[name].value
    assert value is not None
    model = OperationMessage if kind == "operation" else StateMessage
    assert model.model_validate_json(value).to_json() == value
    schema = json.loads(documents()[f"{kind}.json"])
    jsonschema.validate(json.loads(value), schema, jsonschema.Draft202012Validator)
    assert sorted(json.loads(value)) == sorted(schema["required"])


def test_the_words_are_those_of_the_reconciler() -> None:
    assert set(get_args(OperationState)) == set(get_args(State))
    assert get_args(StateMessage.model_fields["certainty"].annotation) == get_args(Certainty)
    assert set(StateMessage.model_fields) - {"version", "cause"} == set(Profile._fields)


def test_one_message_has_one_id_however_often_it_is_sent_and_no_two_share_one() -> None:
    assert len({message.ce_id for message in messages().values()}) == len(messages())
    assert {OperationMessage.ce_type, StateMessage.ce_type} == set(CE_TYPES.values())


def test_a_version_beyond_all_times_is_told_all_the_same() -> None:
    """Somebody wrote it into the table."""
    message = messages()["operation_gone"]._replace(version=2**63 - 1)
    headers = dict(message_record(Topics(), message).headers)
    assert headers["ce_version"] == b"9223372036854775807"
    assert headers["ce_time"].startswith(b"9999-")
