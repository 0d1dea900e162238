"""What becomes of one request: the rows of the callback endpoint, the first that applies.

The head decides first (path, method, path secret, source, coding), then the body (size, time, gzip), then
what stands in it. A callback is answered 200 only when the lane says where it is safe.
"""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from aiohttp import hdrs

from receiver.access import AccessLog
from receiver.allowance import Allowances
from receiver.answers import (
    EMPTY,
    MALFORMED,
    NOT_STORED,
    SOURCE_REFUSED,
    STORED,
    UNAUTHENTICATED,
    UNKNOWN_PATH,
    UNREADABLE,
    WRONG_ENCODING,
    WRONG_METHOD,
    Answer,
)
from receiver.auth import credentials_right, source_verdict
from receiver.body import Coding, Undecodable, coding, decode
from receiver.connection import Request
from receiver.lane import Lane
from receiver.metrics import UNKNOWN_ACCOUNT, Metrics
from receiver.peers import Peers
from receiver.policy import Policy
from receiver.recent import Recent
from receiver.rounds import size_of
from receiver.routes import PREFIX, Route, Routes
from receiver.sources import Peer
from schemas.callback import Callback, Familiar, Unreadable, read
from schemas.ids import AccountName, RequestId
from schemas.record import Record, callback_record, quarantine_record
from schemas.topics import Topics

UNLISTED_FLAGS = ("source_unlisted",)


class Accepted(NamedTuple):
    """A request whose head was accepted."""

    route: Route
    peer: Peer
    policy: Policy
    encoding: Coding


class Doubtful(NamedTuple):
    """What is to be noted of a request whose sender did not show the right credentials, and the answer."""

    record: Record
    answer: Answer
    listed: bool
    """Whether its sender is."""


Finding = Record | Doubtful
"""What is to be stored; a record by itself is a callback's, and is answered as stored."""


class Callbacks:
    """The endpoint. `adopt` may be called at any time; a request keeps the policy it began with."""

    def __init__(
        self,
        policy: Policy,
        lane: Lane,
        peers: Peers,
        *,
        topics: Topics,
        producer: str,
        metrics: Metrics,
        access: AccessLog,
    ) -> None:
        """`producer` names this process in what it stores."""
        self._lane = lane
        self._peers = peers
        self._topics = topics
        self._producer = producer
        self._metrics = metrics
        self._access = access
        self._strangers = metrics.tally(UNKNOWN_ACCOUNT)
        self._recent = Recent()
        self._allowances = Allowances()
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        self._policy = policy
        self._routes = Routes(policy.accounts.by_name, self._metrics)

    # From the connection

    async def answer(self, request: Request) -> Answer:
        """One coroutine from the head to the answer: each more would cost as much as all that it decides."""
        began = time.perf_counter()
        route = self._routes.at(request.head.path) or self._routes.find(request.absolute_path())
        found = _lost(request) if route is None else self._accepted(request, route)
        if isinstance(found, Accepted):
            policy = found.policy
            body = request.at_hand(bytes_max=policy.body_bytes_max)
            if body is None:
                body = await request.read(bytes_max=policy.body_bytes_max, timeout_s=policy.body_timeout_s)
            found = self._examine(found, body, datetime.now(UTC)) if isinstance(body, bytes) else body
        if isinstance(found, Record):
            found = STORED if await self._lane.submit(found) != "nowhere" else self._not_stored()
        elif isinstance(found, Doubtful):
            found = await self._note(found)
        seconds = time.perf_counter() - began
        (self._strangers if route is None else route.tally).count(found)
        self._metrics.hot.acknowledged(seconds)
        self._access.note(found, route, request.host, seconds)
        return found

    def malformed(self, host: str) -> Answer:
        self._strangers.count(MALFORMED)
        self._access.note(MALFORMED, None, host, 0.0)
        return MALFORMED

    def stalled(self) -> None:
        self._metrics.stalled.inc()

    def _accepted(self, request: Request, route: Route) -> Accepted | Finding | Answer:
        """What the head decides."""
        policy, headers = self._policy, request.head.headers
        if request.head.method != hdrs.METH_POST:
            return WRONG_METHOD
        peer = self._peers.speaker(request.host, headers)
        if source_verdict(route.account, listed=peer.listed, mode=policy.allow_mode) == "refused":
            return SOURCE_REFUSED
        encoding = (
            coding(headers.getall(hdrs.CONTENT_ENCODING)) if hdrs.CONTENT_ENCODING in headers else "identity"
        )
        return WRONG_ENCODING if encoding is None else Accepted(route, peer, policy, encoding)

    def _not_stored(self) -> Answer:
        self._metrics.probable_loss.inc()
        return NOT_STORED

    async def _note(self, doubtful: Doubtful) -> Answer:
        """Who is refused is refused in any case."""
        record, answer, listed = doubtful
        is_allowed = self._allowances.spend(size_of(record), listed=listed)
        if is_allowed and await self._lane.submit(record, proven=False) != "nowhere":
            return answer
        if is_allowed and answer is not UNAUTHENTICATED:
            return self._not_stored()
        self._metrics.unkept.inc()
        return UNAUTHENTICATED if answer is UNAUTHENTICATED else NOT_STORED

    # What stands in it

    def _examine(self, accepted: Accepted, body: bytes, at: datetime) -> Finding | Answer:
        """`at` is when the body was there."""
        if accepted.encoding == "gzip" and body:
            decoded = decode(body, bytes_max=accepted.policy.body_bytes_max)
            if isinstance(decoded, Undecodable):
                return self._unusable(accepted, at, Unreadable("gzip_undecodable", None, b""), len(body))
            if isinstance(decoded, Answer):
                return decoded
            body = decoded
        if not body:
            return EMPTY
        callback = read(body, accepted.policy.secrets)
        if isinstance(callback, Unreadable):
            return self._unusable(accepted, at, callback, len(body))
        if not credentials_right(accepted.route.account, callback.username, callback.password, at):
            return self._unauthenticated(accepted, at, callback, len(body))
        peer = accepted.peer
        record = callback_record(
            self._topics,
            callback,
            account=AccountName(accepted.route.account.name),
            service=accepted.route.service,
            source_ip=peer.text,
            observed_at=at,
            producer=self._producer,
            extra_flags=() if peer.listed else UNLISTED_FLAGS,
        )
        self._notice(callback, record, peer)
        return record

    def _unusable(self, accepted: Accepted, at: datetime, found: Unreadable, length: int) -> Doubtful:
        """Nobody can say whether the sender knew the password: it may stand in what we cannot read."""
        record = self._quarantined(accepted, at, found.reason, found.request_id, found.scrubbed, length)
        return Doubtful(record, UNREADABLE, accepted.peer.listed)

    def _unauthenticated(
        self, accepted: Accepted, at: datetime, callback: Callback | Familiar, length: int
    ) -> Doubtful:
        """Noted without a byte of the body."""
        record = self._quarantined(accepted, at, "unauthenticated", callback.request_id, b"", length)
        return Doubtful(record, UNAUTHENTICATED, accepted.peer.listed)

    def _quarantined(
        self,
        accepted: Accepted,
        at: datetime,
        reason: str,
        request_id: RequestId | None,
        kept: bytes,
        length: int,
    ) -> Record:
        return quarantine_record(
            self._topics,
            reason=reason,
            account=AccountName(accepted.route.account.name),
            service=accepted.route.service,
            request_id=request_id,
            source_ip=accepted.peer.text,
            observed_at=at,
            producer=self._producer,
            kept=kept,
            length=length,
        )

    def _notice(self, callback: Callback | Familiar, record: Record, peer: Peer) -> None:
        """What an alarm should know of."""
        if not peer.listed:
            self._metrics.source_unlisted.inc()
        seen = self._recent.saw(hash(record.ce_id))
        for flag in callback.flags:
            match flag:
                case "first_seen_late" if not seen:
                    self._metrics.first_seen_late.inc()
                case "last_attempt":
                    self._metrics.last_attempt.inc()
                case "unknown_member":
                    self._metrics.unknown_member.inc()
                case _:
                    pass


def _lost(request: Request) -> Answer:
    """Of a path that leads nowhere."""
    if request.head.method != hdrs.METH_POST and request.absolute_path().startswith(PREFIX):
        return WRONG_METHOD
    return UNKNOWN_PATH
