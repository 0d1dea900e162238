"""What a callback or a poll says about its operation (machines.md 1): words in, one signal out.

Words are compared casefolded and trimmed, with spaces and hyphens as underscores. Only the first 64
characters of a word are looked at: no known word is longer, and the caches below stay small whatever a sender
writes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

RULES_VERSION: Final = 1
"""The version of the tables below; every event names the one that gave its signal."""

Signal = Literal["held", "interim", "unclear", "failure", "success"]
PollSignal = Literal["poll_pending", "poll_success", "poll_failure"]

_WORD_CHARS_MAX = 64
_CACHED_WORDS = 4096
_UNDERSCORES = str.maketrans(" -", "__")

ON_HOLD = "request_onhold"
SUCCESS_STATUS = frozenset({"success"})
FAILING_STATUS = frozenset({"failed", "failure", "fail", "error"})
INTERIM_STATUS = frozenset({"pending", "queued", "in_progress", "inprogress"})
SUCCESS_EUICC = frozenset({"executed_success", "executed_withwarning", "executed_with_warning"})
FAILING_EUICC = frozenset({"failed", "executed_failed", "notexecuted"})
NOBODY_KNOWS_EUICC = frozenset({"expired", "deliveredwithnoresponse"})


@dataclass(frozen=True, slots=True)
class Words:
    """The normalized words of one callback; an absent one is empty."""

    status: str
    euicc: str
    fault_code: str
    fault: bool

    @property
    def held(self) -> bool:
        return self.fault_code.startswith(ON_HOLD) or self.fault_code.partition(".")[2].startswith(ON_HOLD)

    @property
    def interim(self) -> bool:
        return self.status.startswith("warn") or self.status in INTERIM_STATUS

    @property
    def euicc_unclear(self) -> bool:
        return bool(self.euicc) and self.euicc not in SUCCESS_EUICC and self.euicc not in FAILING_EUICC

    @property
    def euicc_unknown(self) -> bool:
        return self.euicc_unclear and self.euicc not in NOBODY_KNOWS_EUICC

    @property
    def status_unknown(self) -> bool:
        known = self.interim or self.status in SUCCESS_STATUS or self.status in FAILING_STATUS
        return bool(self.status) and not known

    @property
    def succeeds(self) -> bool:
        return self.status in SUCCESS_STATUS or self.euicc in SUCCESS_EUICC

    @property
    def fails(self) -> bool:
        return self.fault or self.status in FAILING_STATUS or self.euicc in FAILING_EUICC

    @property
    def failed(self) -> bool:
        return (self.fault or self.status in FAILING_STATUS) and not self.succeeds

    @property
    def succeeded(self) -> bool:
        return self.status in SUCCESS_STATUS and not self.fails


SIGNAL_RULES: Final[tuple[tuple[Callable[[Words], bool], Signal], ...]] = (
    (lambda said: said.held, "held"),
    (lambda said: said.interim, "interim"),
    (lambda said: said.euicc_unclear, "unclear"),
    (lambda said: said.failed, "failure"),
    (lambda said: said.succeeded, "success"),
    (lambda _: True, "unclear"),
)
"""The rows of machines.md 1, in their order: the first that holds wins."""


def word(text: str | None) -> str:
    """A word as the tables spell it; empty where there is none."""
    return _head(text).strip().casefold().translate(_UNDERSCORES)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that the tables say of one callback."""

    signal: Signal
    action: str | None
    flags: tuple[str, ...]
    """For words that the tables do not know; an absent word is not unknown."""


def classify(
    status: str | None, euicc_status: str | None, fault_code: str | None, fault_text: str | None
) -> Signal:
    """The signal of one callback. A fault without code and text is none."""
    return judge(status, euicc_status, fault_code, fault_text, None).signal


def judge(
    status: str | None,
    euicc_status: str | None,
    fault_code: str | None,
    fault_text: str | None,
    profile_status: str | None,
) -> Verdict:
    """`classify`, with the action that is named and the flags."""
    words = (status or "", euicc_status or "", fault_code or "", profile_status or "")
    if max(map(len, words)) > _WORD_CHARS_MAX:
        words = (_head(status), _head(euicc_status), _head(fault_code), _head(profile_status))
    return _judge(words[0], words[1], words[2], bool(fault_code or fault_text), words[3])


def _head(text: str | None) -> str:
    if text is None:
        return ""
    return text if len(text) <= _WORD_CHARS_MAX else text.strip()[:_WORD_CHARS_MAX]


@lru_cache(maxsize=_CACHED_WORDS)
def _judge(status: str, euicc_status: str, fault_code: str, fault: bool, profile_status: str) -> Verdict:
    said = Words(word(status), word(euicc_status), word(fault_code), fault)
    signal = next(signal for holds, signal in SIGNAL_RULES if holds(said))
    action = normalize_action(profile_status)
    flags = {
        "unknown_status": said.status_unknown,
        "unknown_euicc_status": said.euicc_unknown,
        "unknown_action": action is None and bool(word(profile_status)),
    }
    return Verdict(signal, action, tuple(flag for flag, stands in flags.items() if stands))


ACTIONS: Final = (
    "download",
    "download_enable",
    "download_disable",
    "enable",
    "disable",
    "delete",
    "activate",
    "activate_enable",
    "deactivate",
    "profile_suspend",
    "profile_resume",
    "device_suspend",
    "device_resume",
    "setfallbackattribute",
    "renew_activation_code",
)

_PAST_FORMS = {
    "downloaded": "download",
    "download_enabled": "download_enable",
    "download_disabled": "download_disable",
    "enabled": "enable",
    "disabled": "disable",
    "deleted": "delete",
    "activated": "activate",
    "activate_enabled": "activate_enable",
    "activated_enabled": "activate_enable",
    "deactivated": "deactivate",
    "profile_suspended": "profile_suspend",
    "profile_resumed": "profile_resume",
    "device_suspended": "device_suspend",
    "device_resumed": "device_resume",
    "renewed_activation_code": "renew_activation_code",
}

_ACTION_OF: Final = {**_PAST_FORMS, **{action: action for action in ACTIONS}}


def normalize_action(profile_status: str | None) -> str | None:
    """The known action that a `profileStatus` names, present or past; None for any other text."""
    return _ACTION_OF.get(word(profile_status))


_POLL_SIGNALS: Final[dict[str, PollSignal]] = {
    **dict.fromkeys(SUCCESS_STATUS, "poll_success"),
    **dict.fromkeys(FAILING_STATUS, "poll_failure"),
}


def classify_poll(status: str | None) -> PollSignal:
    """What a polled status says; a word nobody knows decides nothing, so it counts as pending."""
    return _POLL_SIGNALS.get(word(status), "poll_pending")
