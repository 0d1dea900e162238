"""Evidence folded from an event, its copies and later rules, without a database."""

from datetime import timedelta

import orjson
import pytest

from reconciler.core import recorded as recorded_module
from reconciler.core.copies import APART, is_apart
from reconciler.core.evidence import Evidence
from reconciler.core.recorded import Recorded, Words, folded, read_today
from tests.unit.core.tell import callback, moment

FIRST = callback("unclear", action="enable", attempt=2, attempts_max=4, at=5)
PLAIN = Recorded(FIRST, moment(5), 2, 4, [], [], None)
TOMORROW = 2


@pytest.fixture(autouse=True)
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the rules had changed once."""
    monkeypatch.setattr(recorded_module, "RULES_VERSION", TOMORROW)


def test_an_event_of_one_copy_is_what_it_said() -> None:
    assert folded(PLAIN) == FIRST


def test_copies_give_the_least_time_and_the_greatest_attempt() -> None:
    row = folded(PLAIN._replace(observed_at=moment(1), attempt=4, attempts_max=3))
    assert (row.observed_at, row.attempt, row.attempts_max) == (moment(1), 4, 3)


def test_an_event_whose_deliveries_are_gone_keeps_its_own_time() -> None:
    assert folded(PLAIN._replace(observed_at=None, attempt=None, attempts_max=None)) == FIRST


def test_what_copies_changed_is_merged() -> None:
    earlier = (moment(0) - timedelta(hours=1)).isoformat()
    said = [
        orjson.dumps({"imei": "1", "requested_at": earlier}).decode(),
        orjson.dumps({"action": None, "fact": "held", "rules": 2}).decode(),
    ]
    row = folded(PLAIN._replace(differing=said))
    assert (row.imei, row.requested_at) == ("1", moment(-3600))
    assert (row.fact, row.action, row.rules) == ("held", None, 2)


def test_later_rules_are_believed_the_newest_most() -> None:
    later = [Words(3, "success", "enable"), Words(2, "failure", None)]
    row = folded(PLAIN._replace(later=later))
    assert (row.rules, row.fact, row.action) == (3, "success", "enable")


BODY = (
    b'{"requestId":"R1","status":"Success","deviceResponse":{"deviceProfileResponse":{"profileStatus":"x"}}}'
)


def test_todays_rules_read_a_body_that_older_ones_read() -> None:
    assert read_today(PLAIN._replace(body=BODY), FIRST) == Words(TOMORROW, "success", None)


@pytest.mark.parametrize(
    ("recorded", "row"),
    [
        (PLAIN, FIRST),
        (PLAIN._replace(body=BODY), FIRST._replace(rules=TOMORROW)),
        (PLAIN._replace(body=BODY), FIRST._replace(fact="success", action=None)),
        (PLAIN._replace(body=b"{"), FIRST),
    ],
    ids=["erased", "read by them", "read alike", "unreadable"],
)
def test_nothing_new_is_found_where_there_is_nothing_to_read(recorded: Recorded, row: Evidence) -> None:
    assert read_today(recorded, row) is None


def test_a_copy_that_belongs_elsewhere_is_marked() -> None:
    assert is_apart(APART)
    assert is_apart('{"apart": true}')
    assert not is_apart(None)
    assert not is_apart('{"imei": "1"}')
