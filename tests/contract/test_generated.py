"""`schemas/json/` is what the models say, and the events are what the schemas say."""

import json

import jsonschema
import pytest

from schemas.generate import DIALECT, FOLDER, documents
from tests.contract.golden import RECORDS_OF_EVENTS, records


def test_the_generated_files_are_up_to_date() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert kept == documents(), "run `python -m schemas.generate`"


@pytest.mark.parametrize("name", [name for name in documents() if name != "asyncapi.json"])
def test_each_schema_is_one(name: str) -> None:
    schema = json.loads(documents()[name])
    assert schema["$schema"] == DIALECT
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_golden_value_fits_its_schema() -> None:
    schemas = {name.removesuffix(".json"): json.loads(text) for name, text in documents().items()}
    for name, record in records().items():
        value = json.loads(record.value or b"")
        kind = name.split("_")[0]
        jsonschema.validate(value, schemas[kind])
        if name.startswith(RECORDS_OF_EVENTS):
            jsonschema.validate(value, schemas["event"])


def test_every_topic_of_the_asyncapi_document_refers_to_a_schema_that_exists() -> None:
    document = json.loads(documents()["asyncapi.json"])
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            name = message["$ref"].removeprefix("#/components/messages/")
            payload = document["components"]["messages"][name]["payload"]["$ref"]
            assert payload.removeprefix("./") in documents()
