"""The scenario file: TOML or JSON, written by a person, checked here, turned into a story.

README.md in this folder documents the format. Names of requests and devices are labels: what they stand for
is made from the seed, so that one file gives as many different stories as there are seeds.
"""

from __future__ import annotations

import base64
import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from tests.simulator import content
from tests.simulator.callback import Callback, Fault, body_of
from tests.simulator.device import Device, device_of, request_id_of
from tests.simulator.message import Credentials, Listener, Message
from tests.simulator.spelling import LAYOUTS, SPELLINGS, spelled
from tests.simulator.story import Delivery, Story, Truth, Wave

STRICT = ConfigDict(extra="forbid", frozen=True)
Kind = Literal["eid", "iccid", "imei", "mdn"]


class ScriptError(Exception):
    """A scenario that cannot be played; the text lists every fault, one a line."""


class FaultLine(BaseModel):
    model_config = STRICT
    code: str = ""
    text: str = ""


class DeviceLine(BaseModel):
    """A device that is not made from the seed alone."""

    model_config = STRICT
    eid: str | None = None
    iccid: str | None = None
    imei: str | None = None
    mdn: str | None = None
    eid_digits: Literal[30, 32] = 32


class Step(BaseModel):
    """One message, or `count` of them to as many devices. An empty text leaves its member out."""

    model_config = STRICT
    request: str = "request"
    request_id: str | None = None
    device: str = "device"
    count: int = Field(1, ge=1, le=10_000)
    action: str = "enable"
    status: str = "Success"
    euicc_status: str = "EXECUTED_SUCCESS"
    euicc_code: str = "1.2.365"
    euicc_text: str = "EUICC device profile has been updated"
    fault: FaultLine | None = None
    echo: tuple[Kind, ...] = ("imei", "eid")
    reports: str = ""
    members: dict[str, JsonValue] = Field(default_factory=dict)
    spelling: tuple[str, ...] = ()
    sample: str = ""
    text: str = ""
    base64: str = ""
    gzip: bool = False
    service: str = "DeviceProfileService"
    credentials: Credentials = "right"
    attempt: int = Field(1, ge=0)
    attempts_max: int = Field(4, ge=0)
    copies: int = Field(1, ge=1, le=100)
    with_previous: bool = False
    pause_s: float = Field(0.0, ge=0)
    answer: int | None = None


class Expectation(BaseModel):
    """What the ledger must hold in the end. An empty device: the one operation of the request."""

    model_config = STRICT
    request: str = "request"
    request_id: str | None = None
    device: str = "device"
    count: int = Field(1, ge=1, le=10_000)
    action: str | None = None
    state: str | None = None
    quarantine: bool | str = False


class Script(BaseModel):
    """A scenario file as it was written."""

    model_config = STRICT
    title: str
    devices: dict[str, DeviceLine] = Field(default_factory=dict)
    step: tuple[Step, ...]
    expect: tuple[Expectation, ...] = ()


def sample(name: str) -> bytes:
    """A body from `samples/`, byte for byte as the vendor printed it."""
    return (resources.files(__package__) / "samples" / f"{name}.json").read_bytes()


def read_script(path: Path) -> Script:
    """The scenario in a file; ScriptError when it cannot be read or says something impossible."""
    try:
        return parse_script(path.read_text(encoding="utf-8"), is_json=path.suffix == ".json")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: {error}") from error


def parse_script(text: str, *, is_json: bool = False) -> Script:
    try:
        script = Script.model_validate(json.loads(text) if is_json else tomllib.loads(text))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise ScriptError("\n".join(lines)) from error
    except ValueError as error:
        raise ScriptError(str(error)) from error
    unknown = {name for step in script.step for name in step.spelling} - SPELLINGS.keys() - LAYOUTS.keys()
    if unknown:
        raise ScriptError(
            f"spelling: {', '.join(sorted(unknown))} unknown; there are {', '.join(known_spellings())}"
        )
    return script


def known_spellings() -> list[str]:
    return [*SPELLINGS, *LAYOUTS]


class Stage:
    """Where a script is played: the seed gives labels their meaning, the listener gives credentials."""

    def __init__(self, script: Script, name: str, listener: Listener, seed: str) -> None:
        self._script, self._name, self._listener, self._seed = script, name, listener, f"{seed}/{name}"

    def story(self) -> Story:
        waves: list[Wave] = []
        for step in self._script.step:
            deliveries = tuple(Delivery(one, step.copies) for one in self._messages(step))
            if step.with_previous and waves:
                waves[-1] = Wave(waves[-1].deliveries + deliveries, waves[-1].pause_s)
            else:
                waves.append(Wave(deliveries, step.pause_s))
        truths = [truth for expected in self._script.expect for truth in self._truths(expected)]
        return Story(self._name, tuple(waves), tuple(truths))

    def device(self, label: str) -> Device:
        line = self._script.devices.get(label, DeviceLine())
        made = device_of(f"{self._seed}/{label}", line.eid_digits)
        return Device(
            line.eid or made.eid,
            line.imei or made.imei,
            line.iccid or made.iccid,
            line.mdn or made.mdn,
            made.bootstrap_iccid,
        )

    def request_id(self, label: str, literal: str | None) -> str:
        return request_id_of(f"{self._seed}/{label}") if literal is None else literal

    def _messages(self, step: Step) -> list[Message]:
        request_id = self.request_id(step.request, step.request_id)
        return [
            Message(
                label=f"{step.request}/{label}",
                body=self._body(step, request_id, label),
                request_id=request_id,
                service=step.service,
                credentials=step.credentials,
                first_attempt=step.attempt,
                gzipped=step.gzip,
                answer=step.answer or (403 if step.credentials in {"wrong", "absent", "empty"} else 200),
            )
            for label in labels(step.device, step.count)
        ]

    def _body(self, step: Step, request_id: str, label: str) -> bytes:
        if step.sample:
            return self._with_credentials(sample(step.sample), step.credentials)
        if step.base64:
            return base64.b64decode(step.base64)
        if step.text:
            return self._filled(step.text, request_id).encode()
        return spelled(body_of(self._callback(step, request_id, label)), step.spelling)

    def _callback(self, step: Step, request_id: str, label: str) -> Callback:
        device = self.device(label)
        username, password = self._listener.credentials(step.credentials)
        reported = {"": device.iccid, "bootstrap": device.bootstrap_iccid}.get(step.reports, step.reports)
        return Callback(
            request_id=request_id,
            device=device,
            action=step.action or None,
            status=step.status or None,
            euicc_status=step.euicc_status or None,
            euicc_code=step.euicc_code,
            euicc_text=step.euicc_text,
            fault=None if step.fault is None else Fault(step.fault.code, step.fault.text),
            echo=step.echo,
            reported_iccid=reported,
            username=username,
            password=password,
            attempt=step.attempt,
            attempts_max=step.attempts_max,
            members=step.members,
        )

    def _with_credentials(self, body: bytes, which: Credentials) -> bytes:
        """A printed body with the credentials between its empty quotes, else not a byte changed."""
        username, password = self._listener.credentials(which)
        for name, value in (("username", username), ("password", password)):
            empty = f'"{name}":""'.encode()
            body = body.replace(empty, f'"{name}":{json.dumps(value or "")}'.encode(), 1)
        return body

    def _filled(self, text: str, request_id: str) -> str:
        """The text with `@request_id@`, `@username@` and `@password@` replaced by what they stand for."""
        username, password = self._listener.credentials("right")
        values = {"request_id": request_id, "username": username or "", "password": password or ""}
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        return text

    def _truths(self, expected: Expectation) -> list[Truth]:
        request_id = self.request_id(expected.request, expected.request_id)
        if expected.quarantine:
            reason = expected.quarantine if isinstance(expected.quarantine, str) else None
            return [Truth("quarantine", request_id, reason=reason)]
        return [
            Truth(
                "operation",
                request_id,
                self.device(label).eid if label else None,
                expected.action,
                expected.state,
            )
            for label in labels(expected.device, expected.count)
        ]


def labels(label: str, count: int) -> list[str]:
    """`count` devices of one name: the name alone for one, numbered from 1 for more."""
    return [label] if count == 1 else [f"{label}-{number}" for number in range(1, count + 1)]


def file_message(body: bytes, step: Step) -> Message:
    """A body from a file, verbatim, with its request id where it has one."""
    found = content.readable(body)
    return Message(
        label="file",
        body=body,
        request_id=None if found is None else content.text_of(found, "requestId"),
        service=step.service,
        credentials="printed",
        gzipped=step.gzip,
        answer=step.answer or 200,
    )
