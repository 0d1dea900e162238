"""Whatever a sender puts into a body, there is an answer, nothing is raised, and no secret gets out."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.receiver.endpoint import OPEN_PATH, PASSWORD, PATH, PATH_SECRET, callback, house, status

BODIES_AT_ONCE = 20

texts = st.text(max_size=20) | st.sampled_from([PASSWORD, PATH_SECRET, "\ud800", "\x00", "9" * 400, '"'])
names = texts | st.sampled_from(
    ["requestId", "PASSWORD", "deviceIds", "id", "kind", "deviceResponse", "status", "callbackCount"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=10,
)
callbacks = st.dictionaries(names, values, max_size=5).map(
    lambda members: json.dumps({**json.loads(callback()), **members}).encode()
)
damaged = st.tuples(callbacks, st.integers(0, 400), st.binary(max_size=3)).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
)
bodies = st.lists(st.binary(max_size=50) | callbacks | damaged, min_size=1, max_size=BODIES_AT_ONCE)


@settings(max_examples=25, deadline=None)
@given(bodies)
def test_any_body_is_answered_and_tells_no_secret(sent: list[bytes]) -> None:
    async def send_all() -> None:
        async with house() as at:
            failures: list[object] = []
            asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
            for body in sent:
                for path in (PATH, OPEN_PATH):
                    assert status(await at.post(body, path)) in {200, 400, 403, 413}
            assert failures == []
            kept = b"".join((record.value or b"") + record.key for record in at.broker.records)
            assert PASSWORD.encode() not in kept
            assert PATH_SECRET.encode() not in kept

    with asyncio.Runner() as runner:
        runner.run(send_all())
