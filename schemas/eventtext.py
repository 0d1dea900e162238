"""The bytes of a callback's event (interfaces.md 4). The hot path: no model is built."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from schemas.parsed import Callback
from schemas.signal import RULES_VERSION, Verdict

_QUOTED_CACHED: Final = 1024


class Circumstances(NamedTuple):
    """What an event says of how its callback came. `observed_at` is written as `rfc3339` does."""

    event_id: str
    account: str
    observed_at: str
    producer: str
    service: str
    source_ip: str | None


def event_text(callback: Callback, verdict: Verdict, flags: Sequence[str], seen: Circumstances) -> bytes:
    """`flags` are all of them, sorted."""
    state, service_plan, ip_address, smsr_oid = callback.line
    members = {
        "kind": "callback",
        "event_id": seen.event_id,
        "account": seen.account,
        "request_id": callback.request_id,
        "eid": callback.eid,
        "imei": callback.imei,
        "mdn": callback.mdn,
        "observed_at": seen.observed_at,
        "producer": seen.producer,
        "rules": RULES_VERSION,
        "flags": flags,
        "service": seen.service,
        "iccid_echoed": callback.iccid_echoed,
        "iccid_reported": callback.iccid_reported,
        "identifiers": [{"kind": kind, "id": identifier} for kind, identifier in callback.identifiers],
        "action": verdict.action,
        "signal": verdict.signal,
        "status": callback.status,
        "profile_status": callback.profile_status,
        "euicc_status": callback.euicc_status,
        "euicc_status_code": callback.euicc_status_code,
        "euicc_status_desc": callback.euicc_status_desc,
        "fault_code": callback.fault_code,
        "fault_text": callback.fault_text,
        "line": {
            "state": state,
            "service_plan": service_plan,
            "ip_address": ip_address,
            "smsr_oid": smsr_oid,
        },
        "attempt": callback.attempt,
        "attempts_max": callback.attempts_max,
        "source_ip": seen.source_ip,
        "body": orjson.Fragment(callback.body_json),
    }
    return orjson.dumps(members)


@lru_cache(maxsize=_QUOTED_CACHED)
def quoted(text: str | None) -> str:
    """As JSON; for the few texts that return with every event, such as an account's name."""
    return orjson.dumps(text).decode()
