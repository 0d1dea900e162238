"""What is said to ThingSpace and what comes back, in plain types: no client library, no secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.readable import ReadableError
from schemas.event import SubRequest
from schemas.ids import AccountName, Eid, Iccid
from schemas.names import Json


@dataclass(frozen=True, slots=True)
class Order:
    """One action on one device. `options` go before what the accounts file says for the account.

    Options: smsr_oid, service_plan, carrier_name, mdn_zip_code, carrier_ip_pool_name, reason_code,
    etf_waiver and check_fallback_profile (both `true` or `false`).
    """

    action: str
    account: AccountName
    eid: Eid | None
    iccid: Iccid | None
    imei: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestStatus:
    """What ThingSpace knows of a request. Decide by `sub_requests`: `status` speaks for no single one."""

    endpoint: str
    """`v2`, or `v1` where v2 would not answer; v1 knows no sub-requests."""
    status: str | None
    sub_requests: tuple[SubRequest, ...]
    body: Json
    """The answer as received, without credentials."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One registration. ThingSpace gives passwords away here; this has no place for one.

    A URL may hold a secret all the same: `ThingSpace.shown` before anybody sees it.
    """

    service: str
    url: str
    username: str | None
    password_fits: bool | None = None
    """Whether the password is the one of the accounts file; None where ThingSpace showed none."""


class ThingSpaceError(ReadableError):
    """The base: its text is for people, bounded, and shows no configured secret."""


class Unfit(ThingSpaceError):  # noqa: N818 - an answer's name, said aloud
    """Not sent, and never will be as it stands: what is missing or wrong, each with its remedy."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class Rejected(ThingSpaceError):  # noqa: N818 - an answer's name, said aloud
    """ThingSpace answered no: nothing happened. `code` is its own, or `HTTP.403` where it gave none.

    `by_gateway`: said before any service looked at it. Credentials, subscription or address are at fault, and
    the next order would fare no better.
    """

    def __init__(self, code: str, text: str, http_status: int, *, by_gateway: bool = False) -> None:
        super().__init__(f"ThingSpace refused ({code}, HTTP {http_status}): {text}")
        self.by_gateway = by_gateway
        self.code = code
        self.text = text
        self.http_status = http_status


class Unclear(ThingSpaceError):  # noqa: N818 - an answer's name, said aloud
    """Sent, and no usable answer came: nobody knows what happened. Never send it again by yourself."""


class Away(ThingSpaceError):  # noqa: N818 - an answer's name, said aloud
    """Nothing happened; try later, `retry_after_s` seconds from now where somebody knows how long."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Latched(ThingSpaceError):  # noqa: N818 - an answer's name, said aloud
    """Logins were refused and more would lock the account. A person must look; SIGHUP or restart clears."""
