"""What one callback costs: `python -m tests.contract.cost` prints microseconds, the least of many short runs.

The vendor's sample with its comma repaired, so that it is strict JSON; with three configured secrets.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from timeit import repeat

import orjson

from schemas.callback import Callback, Secrets, parse
from schemas.event import callback_event
from schemas.reading import without_trailing_commas
from schemas.record import Topics, callback_record, decode_event
from tests.contract.golden import ACCOUNT, FIXTURES, PRODUCER

RUNS, REPEATS = 200, 150
PRINTED = (FIXTURES / "delete_success_as_printed.json").read_bytes()
PASSWORD = b"correct horse battery"
STRICT = without_trailing_commas(PRINTED).replace(b'"password":"",', b'"password":"%s",' % PASSWORD, 1)
SECRETS = Secrets([PASSWORD.decode(), "previous password", "a path secret"])
SERVICE, SOURCE = "DeviceProfileService", "3.87.163.45"


def understood() -> Callback:
    parsed = parse(STRICT, SECRETS)
    assert isinstance(parsed, Callback)
    return parsed


def measures() -> dict[str, Callable[[], object]]:
    callback, topics, now = understood(), Topics(), datetime.now(UTC)

    def event() -> object:
        return callback_event(
            callback, account=ACCOUNT, service=SERVICE, source_ip=SOURCE, observed_at=now, producer=PRODUCER
        )

    def whole() -> object:
        return callback_record(
            topics,
            understood(),
            account=ACCOUNT,
            service=SERVICE,
            source_ip=SOURCE,
            observed_at=datetime.now(UTC),
            producer=PRODUCER,
        )

    record = callback_record(
        topics,
        callback,
        account=ACCOUNT,
        service=SERVICE,
        source_ip=SOURCE,
        observed_at=now,
        producer=PRODUCER,
    )
    return {
        "orjson.loads alone, for comparison": lambda: orjson.loads(STRICT),
        "parse and scrub": understood,
        "signal, id and event bytes": event,
        "all of it, to the Kafka record": whole,
        "the sample as printed, comma repaired": lambda: parse(PRINTED, SECRETS),
        "decode and check an event": lambda: decode_event(record.value, record.headers),
    }


def main() -> None:
    for name, run in measures().items():
        least = min(repeat(run, number=RUNS, repeat=REPEATS)) / RUNS * 1e6
        print(f"{least:7.2f} µs  {name}")


if __name__ == "__main__":
    main()
