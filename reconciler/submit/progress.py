"""How a long submission shows itself: a bar on a terminal, log lines elsewhere, NDJSON on request."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from reconciler.audit.as_json import text
from reconciler.audit.for_people import console
from reconciler.program import put
from reconciler.submit.outcome import Outcome, document
from schemas.logline import Log

Tell = Callable[[Outcome], None]


@contextmanager
def shown(rows: int, log: Log, *, as_json: bool) -> Iterator[Tell]:
    """Tells each outcome as it comes."""
    if not sys.stderr.isatty():
        yield lambda outcome: _told(outcome, log, as_json=as_json)
        return
    with _bar() as bar:
        counts: Counter[str] = Counter()
        task = bar.add_task("submitting", total=rows, said="")

        def tell(outcome: Outcome) -> None:
            counts[outcome.word] += 1
            if as_json:
                put(text(document(outcome)))
            said = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
            bar.update(task, advance=1, said=said)

        yield tell


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[said]}"),
        console=console(sys.stderr),
        redirect_stdout=False,
    )


def _told(outcome: Outcome, log: Log, *, as_json: bool) -> None:
    if as_json:
        put(text(document(outcome)))
    order, entry = outcome.wanted.order, outcome.entry
    log.emit(
        "order_done",
        level="info" if outcome.word == "submitted" else "warning",
        outcome=outcome.word,
        action=order.action,
        account=order.account,
        eid=order.eid,
        iccid=order.iccid,
        intent_id=None if entry is None else entry.intent_id,
        request_id=None if entry is None else entry.request_id,
        reason=outcome.says,
    )
