"""What is possible on one eUICC: for each profile the set of states it may be in (machines.md 4).

A `Masks` maps ICCIDs to masks of states (`effects`). Two keys are no ICCIDs: `NAMELESS`, the bootstrap while
its ICCID is unknown, and `UNSEEN`, all profiles that no operation has named yet; they count as one, and each
may be in any state of that mask. Functions return a new mapping, or the very one given where nothing is said.

Every mapping respects rule 1, exactly one profile is enabled: where one is for sure, no other may be; where
only one may be, it is.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from reconciler.core.effects import ANYTHING, DISABLED, ENABLED, EXISTS, GONE, Move, Verdict

Masks = dict[str, int]

NAMELESS: Final = ""
UNSEEN: Final = "\0"


class Bootstrap(NamedTuple):
    """Which profile carries the fall-back attribute."""

    key: str
    sure: bool
    """False while a setfallbackattribute may have moved it to a profile nobody can tell."""


def after(masks: Masks, x: str, move: Move, bootstrap: Bootstrap, verdict: Verdict) -> Masks:
    """What is possible after an action on X; both keys are in the mapping."""
    if verdict == "failure":
        return _failed(masks, x, move, bootstrap)
    succeeded = _succeeded(masks, x, move, bootstrap)
    if verdict == "success":
        return succeeded
    return joined((succeeded, _failed(masks, x, move, bootstrap)))


def after_any(masks: Masks, move: Move, bootstrap: Bootstrap, verdict: Verdict) -> Masks:
    """What is possible after an action on a profile nobody can tell: any that it can start from."""
    spared = bootstrap.key if bootstrap.sure and not move.of_bootstrap else None
    able = [x for x, mask in masks.items() if mask & move.starts and x != spared]
    found = [after(masks, x, move, bootstrap, verdict) for x in able or (UNSEEN,)]
    return masks if all(one is masks for one in found) else joined(found)


def left_by(move: Move, verdict: Verdict) -> int:
    """The states in which an action may have left the profile nobody can tell."""
    becomes = move.becomes | (DISABLED if move.becomes == ENABLED else 0)
    return (becomes if verdict != "failure" else 0) | (DISABLED if move.half != "none" else 0)


def joined(found: Iterable[Masks]) -> Masks:
    """Any of these mappings of the same keys."""
    first, *others = found
    joint = dict(first)
    for other in others:
        for key, mask in other.items():
            joint[key] |= mask
    return joint


def _succeeded(masks: Masks, x: str, move: Move, bootstrap: Bootstrap) -> Masks:
    """Where X could not start something is missing, so what was possible before stays possible."""
    result = dict(masks)
    if x != UNSEEN:
        result[x] = move.becomes
    if move.becomes == ENABLED:
        _only(result, x)
    elif move.fall_back == "enabled":
        _fall_back(result, x, bootstrap, for_sure=True)
    elif move.fall_back == "if_enabled" and masks[x] & ENABLED:
        _fall_back(result, x, bootstrap, for_sure=False)
    _conclude(result, x)
    return result if masks[x] & move.starts else joined((masks, result))


def _failed(masks: Masks, x: str, move: Move, bootstrap: Bootstrap) -> Masks:
    """What a failure half-way may have left."""
    if move.half == "downloaded" and masks[x] & GONE and x != UNSEEN:
        return {**masks, x: masks[x] | DISABLED}
    if move.half == "disabled" and masks[x] & ENABLED:
        result = {**masks, x: masks[x] | DISABLED}
        _fall_back(result, x, bootstrap, for_sure=False)
        return result
    return masks


def _only(masks: Masks, key: str) -> None:
    """One is enabled for sure: in the others `enabled` becomes `disabled`."""
    for other, mask in masks.items():
        if mask & ENABLED and other != key:
            masks[other] = mask & ~ENABLED | DISABLED
    if key == UNSEEN:
        masks[key] = ANYTHING
    else:
        masks[key] = ENABLED


def _fall_back(masks: Masks, x: str, bootstrap: Bootstrap, *, for_sure: bool) -> None:
    """X is no longer enabled, for sure or perhaps, so B is; any other, where nobody can tell which is B."""
    if not bootstrap.sure:
        for other, mask in masks.items():
            if other != x and mask & EXISTS:
                masks[other] = mask | EXISTS
    elif for_sure:
        _only(masks, bootstrap.key)
    else:
        masks[bootstrap.key] |= ENABLED


def narrow(masks: Masks) -> None:
    """Rule 1 after a mask was set: one enabled for sure leaves no other; one that alone may be, is."""
    for key, mask in masks.items():
        if mask == ENABLED:
            return _only(masks, key)
    return _conclude(masks, UNSEEN)


def _conclude(masks: Masks, x: str) -> None:
    """Where only one can be enabled, it is.

    Where none can be, an operation is missing that enabled one: any but X, of which the last word was had.
    """
    able = [key for key, mask in masks.items() if mask & ENABLED]
    if not able:
        for key, mask in masks.items():
            if key != x and mask & DISABLED:
                masks[key] = mask | ENABLED
    elif len(able) == 1 and able[0] != UNSEEN:
        masks[able[0]] = ENABLED
