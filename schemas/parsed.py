"""What a callback says, once it is read."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.identifier import Named
from schemas.ids import Eid, Iccid, RequestId
from schemas.names import JsonObject
from schemas.reading import Reason, read_exactly

__all__ = ["Callback", "Credentials", "Line", "Unreadable", "Words"]

Words = tuple[str | None, str | None, str | None, str | None, str | None]
"""What the tables judge by: status, eUICC status, fault code and text, profile status."""


class Credentials(NamedTuple):
    """What the sender showed; None where it showed nothing. Never printed."""

    username: str | None
    password: str | None

    def __repr__(self) -> str:
        return "Credentials(hidden)"


class Line(NamedTuple):
    """The subscription behind the device, as the callback describes it."""

    state: str | None
    service_plan: str | None
    ip_address: str | None
    smsr_oid: str | None


class Callback(NamedTuple):
    """One understood callback; nothing in it but `credentials` is secret.

    A named tuple because one is made for every callback: a frozen dataclass of this size takes twice as long.
    """

    body_json: bytes
    """As received, in the order received, without secrets and without blanks."""
    canonical: bytes
    """The same as it is hashed into the event id."""
    exact: bool
    """Whether the body holds numbers that orjson cannot write exactly."""
    credentials: Credentials
    request_id: RequestId | None
    eid: Eid | None
    imei: str | None
    mdn: str | None
    iccid_echoed: Iccid | None
    iccid_reported: Iccid | None
    identifiers: tuple[Named, ...]
    """Every identifier named, sorted, each once."""
    profile_status: str | None
    status: str | None
    euicc_status: str | None
    euicc_status_code: str | None
    euicc_status_desc: str | None
    fault_code: str | None
    fault_text: str | None
    line: Line
    attempt: int | None
    attempts_max: int | None
    flags: tuple[str, ...]

    @property
    def username(self) -> str | None:
        return self.credentials.username

    @property
    def password(self) -> str | None:
        return self.credentials.password

    @property
    def words(self) -> Words:
        return (self.status, self.euicc_status, self.fault_code, self.fault_text, self.profile_status)

    @property
    def body(self) -> JsonObject:
        """A copy of the body as a value."""
        value = read_exactly(self.body_json)
        assert isinstance(value, dict), "it was written from one"
        return value


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A body that says nothing we could trust, kept for a person to look at."""

    reason: Reason
    request_id: RequestId | None
    scrubbed: bytes
    """What may be kept of the body; empty where no secret could be excluded with certainty."""
