"""Writes `schemas/json/`: the JSON Schemas of what goes on the topics, and the AsyncAPI document over them.

Run `python -m schemas.generate` after a change of a model; a contract test compares.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Final

from pydantic import BaseModel, JsonValue, TypeAdapter

from schemas.eventshape import CallbackEvent, DecisionEvent, Event, PollEvent, RequestEvent
from schemas.message import CE_CAUSE, CE_OPERATION_ID, CE_VERSION
from schemas.operation_message import OperationMessage
from schemas.quarantine import QuarantineEntry
from schemas.record import CE_SOURCE
from schemas.state_message import StateMessage
from schemas.topics import TOPIC_SPECS

FOLDER: Final = Path(__file__).parent / "json"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

TOMBSTONE: Final = "tombstone"
_CARRIES: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "profile.events.v1": (
        ("event",),
        "one event; keyed by EID, else request id, else intent id, else event id",
    ),
    "profile.requests.v1": (("request",), "`announced` events of other systems; keyed by EID"),
    "profile.quarantine.v1": (("quarantine",), "what could not be used; keyed by request id, else digest"),
    "profile.operations.v1": (
        ("operation", TOMBSTONE),
        "an operation after each change; keyed by EID, else request id, else intent id. A tombstone says "
        "that the operation named in its headers is no more: what was known of it has become part of others. "
        "Read committed; offsets have gaps",
    ),
    "profile.state.v1": (
        ("state", TOMBSTONE),
        "a profile after each change, compacted; keyed by EID/ICCID, or EID/bootstrap while the bootstrap's "
        "ICCID is unknown. Read committed; offsets have gaps",
    ),
}
_OURS: Final = frozenset({"operation", "state", TOMBSTONE})
"""Messages with the version, and what else of ours is said in their headers."""


def schemas() -> dict[str, JsonValue]:
    """Each schema by the name of its file."""
    models: dict[str, type[BaseModel]] = {
        "callback": CallbackEvent,
        "poll": PollEvent,
        "request": RequestEvent,
        "decision": DecisionEvent,
        "quarantine": QuarantineEntry,
        "operation": OperationMessage,
        "state": StateMessage,
    }
    written = {name: model.model_json_schema(mode="serialization") for name, model in models.items()}
    event: TypeAdapter[Event] = TypeAdapter(Event)
    written["event"] = event.json_schema(mode="serialization")
    written[TOMBSTONE] = {"title": "Tombstone", "type": "null"}
    return {name: {"$schema": DIALECT, **schema} for name, schema in written.items()}


def asyncapi() -> JsonValue:
    """The topics as an AsyncAPI 3.0 document."""
    channels: dict[str, JsonValue] = {}
    messages: dict[str, JsonValue] = {}
    for spec in TOPIC_SPECS:
        if spec.name not in _CARRIES:
            continue
        carried, summary = _CARRIES[spec.name]
        channels[spec.name] = {
            "address": spec.name,
            "description": summary,
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in carried},
            "bindings": {"kafka": {"partitions": spec.partitions, "replicas": spec.replication}},
        }
        messages |= {name: _message(name) for name in carried}
    info: JsonValue = {"title": "Profile Ledger", "version": version("profile-ledger")}
    return {
        "asyncapi": "3.0.0",
        "info": info,
        "channels": channels,
        "components": {"messages": messages},
    }


def _message(name: str) -> JsonValue:
    return {
        "contentType": "application/json",
        "headers": _headers(ours=name in _OURS),
        "payload": {"$ref": f"./{name}.json"},
    }


def _headers(*, ours: bool) -> JsonValue:
    texts = ["ce_specversion", "ce_source", "ce_id", "ce_type", "ce_time", "ce_subject", "content-type"]
    if ours:
        texts += [CE_VERSION, CE_CAUSE, CE_OPERATION_ID]
    properties: dict[str, JsonValue] = {name: {"type": "string"} for name in texts}
    properties["ce_source"] = {"const": CE_SOURCE}
    properties["ce_specversion"] = {"const": "1.0"}
    required: list[JsonValue] = [name for name in texts if name not in ("ce_subject", CE_OPERATION_ID)]
    return {"type": "object", "properties": properties, "required": required}


def documents() -> dict[str, str]:
    """Every file of the folder: its name and its text."""
    values = {**{f"{name}.json": value for name, value in schemas().items()}, "asyncapi.json": asyncapi()}
    return {name: json.dumps(value, indent=2, ensure_ascii=False) + "\n" for name, value in values.items()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
