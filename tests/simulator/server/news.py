"""What ThingSpace says of a device's part in a request: callbacks as values, and nothing sent yet."""

from __future__ import annotations

from dataclasses import replace

from tests.simulator.callback import Callback, Fault
from tests.simulator.server.draws import Draws, Outcome
from tests.simulator.server.fleet import Line

ODD_STATUS = {"Success": "SUCCESS", "Failed": "Failure"}
DEVICE_ACTIONS = frozenset({"device_suspend", "device_resume"})


def warning(request_id: str, action: str, line: Line, iccid: str, draws: Draws) -> Callback:
    return Callback(
        request_id,
        line.device(iccid),
        action,
        "WARNING" if "odd_status" in draws.struck else "Warning",
        "EXECUTED_WITHWARNING",
        "1.6.5.3",
        "simulated: device not reachable, operation pending",
    )


def finals(
    request_id: str, action: str, line: Line, iccid: str, outcome: Outcome, draws: Draws
) -> list[Callback]:
    """The last word: one callback, but for a whole device one for each profile and one for the device."""
    plain = Callback(request_id, line.device(iccid), action, euicc_code=outcome.code, euicc_text=outcome.text)
    if action in DEVICE_ACTIONS and outcome.told_as_done:
        each = [_of_profile(plain, line, one, outcome) for one in sorted(line.card.present)]
        return [*each, replace(plain, echo=("eid",), euicc_text=f"simulated: {action} of the device")]
    return [bent(plain if outcome.told_as_done else failed(plain, outcome), draws)]


def _of_profile(plain: Callback, line: Line, iccid: str, outcome: Outcome) -> Callback:
    mine = replace(plain, device=line.device(iccid), echo=("eid", "iccid"))
    if iccid not in outcome.unchanged:
        return replace(mine, euicc_text=f"simulated: {plain.action} of a profile")
    already = "suspended" if plain.action == "device_suspend" else "resumed"
    return as_fault(replace(mine, status="Failed", euicc_text=f"Profile is already {already}"))


def failed(plain: Callback, outcome: Outcome) -> Callback:
    return replace(plain, status="Failed", euicc_status="EXPIRED" if outcome.unknown else "FAILED")


def opposite(outcome: Outcome) -> Outcome:
    """What it would have been, had it gone the other way."""
    code = "8.4.4.2" if outcome.done else "1.2.365"
    return replace(outcome, done=not outcome.done, code=code, text="simulated: a contradiction")


def as_fault(final: Callback) -> Callback:
    """A failure in the documented envelope: a faultResponse and no deviceResponse."""
    code = "UnifiedWebService.REQUEST_FAILED.UnexpectedError"
    fault = Fault(code, f"REQUEST_FAILED. {final.euicc_text}")
    return replace(final, action=None, euicc_status=None, fault=fault)


def bent(final: Callback, draws: Draws) -> Callback:
    """The final in one of the odd shapes that struck."""
    if "odd_status" in draws.struck:
        final = replace(final, status=ODD_STATUS.get(final.status or "", final.status))
    if "iccid_differs" in draws.struck:
        final = replace(final, reported_iccid=final.device.bootstrap_iccid)
    if "with_warning" in draws.struck and final.euicc_status == "EXECUTED_SUCCESS":
        final = replace(
            final, euicc_status="EXECUTED_WITHWARNING", euicc_text="simulated: done, with a remark"
        )
    if final.euicc_status == "EXPIRED":
        return final
    if final.euicc_status == "FAILED" and draws.struck & {"fault_envelope", "fault_and_response"}:
        both = "fault_and_response" in draws.struck
        return replace(final, fault=as_fault(final).fault) if both else as_fault(final)
    if "bare_status" in draws.struck:
        return replace(final, action=None, euicc_status=None)
    return final


def spellings(draws: Draws) -> tuple[str, ...]:
    names = {
        "pascal": "pascal",
        "odd_kinds": "kind_icc_id",
        "numeric_ids": "numeric_ids",
        "trailing_commas": "trailing_commas",
        "unknown_members": "unknown_members",
    }
    return tuple(name for fault, name in names.items() if fault in draws.struck)
