"""Registrations as people and programs read them: no password, and no secret in a URL."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from reconciler.audit.for_people import new_table, shown
from reconciler.listeners.change import Changed
from reconciler.listeners.listeners import WORDS, Check
from reconciler.thingspace.callback_url import CREDENTIAL_CHARS_MAX, PORTS_WRITTEN
from schemas.ids import AccountName

Mask = Callable[[str], str]

RULES = (
    f"ThingSpace calls ports {PORTS_WRITTEN}, needs a certificate of a public authority for https, and takes "
    f"callback credentials of up to {CREDENTIAL_CHARS_MAX} characters."
)
ROTATION = (
    "If the password has changed: ThingSpace was seen to use the old one for 14 minutes more. Keep it valid "
    "in the receiver for 24 hours (previous_password_file and previous_until in RECEIVER_ACCOUNTS_FILE), and "
    "do not change it again before that."
)


def check_document(check: Check, mask: Mask) -> Mapping[str, object]:
    return {
        "account": check.account,
        "service": check.service,
        "verdict": check.verdict,
        "url": mask(check.url),
        "username": None if check.username is None else mask(check.username),
    }


def checks_table(checks: Sequence[Check], mask: Mask) -> Iterator[RenderableType]:
    """What is wrong is followed by the remedy."""
    table = new_table("account", "service", "state", "url", "username", "which means")
    for check in checks:
        table.add_row(
            shown(check.account),
            shown(mask(check.service)),
            Text(check.verdict, style="bold red" if check.wrong else ""),
            "" if check.verdict == "missing" else shown(mask(check.url)),
            shown(None if check.username is None else mask(check.username)),
            WORDS[check.verdict],
        )
    yield table
    yield from map(Text, remedies(checks))


def remedies(checks: Sequence[Check]) -> Iterator[str]:
    """One sentence for each account where something is wrong."""
    by_account: dict[AccountName, list[Check]] = {}
    for check in checks:
        if check.wrong:
            by_account.setdefault(check.account, []).append(check)
    for account, wrong in by_account.items():
        only_missing = all(check.verdict == "missing" for check in wrong)
        command = "register" if only_missing else "repair"
        yield f"account {account}: `profile-reconciler listeners {command} --account {account}` puts it right"


def changed_document(changed: Changed) -> Mapping[str, object]:
    return {
        "account": changed.account,
        "service": changed.service,
        "done": changed.done,
        "says": changed.says,
    }
