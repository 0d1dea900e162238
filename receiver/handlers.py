"""What becomes of one request: the rows of the callback endpoint, the first that applies.

The head decides first (path, method, path secret, source, coding), then the body (size, time, gzip), then
what stands in it. A callback is answered 200 only when the lane says where it is safe.
"""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from aiohttp import hdrs

from receiver.access import AccessLog
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
from receiver.routes import PREFIX, Route, Routes
from receiver.sources import Peer
from schemas.callback import Callback, Familiar, Unreadable, read
from schemas.ids import AccountName, RequestId
from schemas.record import Record, callback_record, quarantine_record
from schemas.topics import Topics

UNLISTED_FLAGS = ("source_unlisted",)


class Arrival(NamedTuple):
    """A callback whose head was accepted, and when its body was there."""

    route: Route
    peer: Peer
    policy: Policy
    at: datetime


class Finding(NamedTuple):
    """What is to be stored, and the answer where it is. `proven`: its sender showed the right credentials."""

    record: Record
    answer: Answer
    proven: bool


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
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        self._policy = policy
        self._routes = Routes(policy.accounts.by_name, self._metrics)

    # From the connection

    async def answer(self, request: Request) -> Answer:
        began = time.perf_counter()
        route = self._routes.at(request.head.path) or self._routes.find(request.absolute_path())
        if route is None:
            answer, tally = _lost(request), self._strangers
        else:
            answer, tally = await self._take(request, route), route.tally
        seconds = time.perf_counter() - began
        tally.count(answer)
        self._metrics.hot.acknowledged(seconds)
        self._access.note(answer, route, request.host, seconds)
        return answer

    def malformed(self, host: str) -> Answer:
        self._strangers.count(MALFORMED)
        self._access.note(MALFORMED, None, host, 0.0)
        return MALFORMED

    def stalled(self) -> None:
        self._metrics.stalled.inc()

    async def _take(self, request: Request, route: Route) -> Answer:
        policy, headers = self._policy, request.head.headers
        if request.head.method != hdrs.METH_POST:
            return WRONG_METHOD
        peer = self._peers.speaker(request.host, headers)
        if source_verdict(route.account, listed=peer.listed, mode=policy.allow_mode) == "refused":
            return SOURCE_REFUSED
        encoding = (
            coding(headers.getall(hdrs.CONTENT_ENCODING)) if hdrs.CONTENT_ENCODING in headers else "identity"
        )
        if encoding is None:
            return WRONG_ENCODING
        body = request.at_hand(bytes_max=policy.body_bytes_max)
        if body is None:
            body = await request.read(bytes_max=policy.body_bytes_max, timeout_s=policy.body_timeout_s)
        if isinstance(body, Answer):
            return body
        finding = self._examine(Arrival(route, peer, policy, datetime.now(UTC)), body, encoding)
        if isinstance(finding, Answer):
            return finding
        if await self._lane.submit(finding.record, proven=finding.proven) != "nowhere":
            return finding.answer
        return self._not_stored(finding)

    def _not_stored(self, finding: Finding) -> Answer:
        """Who is refused is refused in any case."""
        if finding.answer is UNAUTHENTICATED:
            self._metrics.unkept.inc()
            return UNAUTHENTICATED
        self._metrics.probable_loss.inc()
        return NOT_STORED

    # What stands in it

    def _examine(self, arrival: Arrival, body: bytes, encoding: Coding) -> Finding | Answer:
        if encoding == "gzip" and body:
            decoded = decode(body, bytes_max=arrival.policy.body_bytes_max)
            if isinstance(decoded, Undecodable):
                return self._unusable(arrival, Unreadable("gzip_undecodable", None, b""), len(body))
            if isinstance(decoded, Answer):
                return decoded
            body = decoded
        if not body:
            return EMPTY
        callback = read(body, arrival.policy.secrets)
        if isinstance(callback, Unreadable):
            return self._unusable(arrival, callback, len(body))
        username, password = callback.credentials
        if not credentials_right(arrival.route.account, username, password, arrival.at):
            return self._unauthenticated(arrival, callback, len(body))
        return Finding(self._event(arrival, callback), STORED, proven=True)

    def _event(self, arrival: Arrival, callback: Callback | Familiar) -> Record:
        peer = arrival.peer
        self._notice(callback, peer)
        return callback_record(
            self._topics,
            callback,
            account=AccountName(arrival.route.account.name),
            service=arrival.route.service,
            source_ip=peer.text,
            observed_at=arrival.at,
            producer=self._producer,
            extra_flags=() if peer.listed else UNLISTED_FLAGS,
        )

    def _unusable(self, arrival: Arrival, found: Unreadable, length: int) -> Finding:
        """Nobody can say whether the sender knew the password: it may stand in what we cannot read."""
        record = self._quarantined(arrival, found.reason, found.request_id, found.scrubbed, length)
        return Finding(record, UNREADABLE, proven=False)

    def _unauthenticated(self, arrival: Arrival, callback: Callback | Familiar, length: int) -> Finding:
        """Noted without a byte of the body."""
        record = self._quarantined(arrival, "unauthenticated", callback.request_id, b"", length)
        return Finding(record, UNAUTHENTICATED, proven=False)

    def _quarantined(
        self, arrival: Arrival, reason: str, request_id: RequestId | None, kept: bytes, length: int
    ) -> Record:
        return quarantine_record(
            self._topics,
            reason=reason,
            account=AccountName(arrival.route.account.name),
            service=arrival.route.service,
            request_id=request_id,
            source_ip=arrival.peer.text,
            observed_at=arrival.at,
            producer=self._producer,
            kept=kept,
            length=length,
        )

    def _notice(self, callback: Callback | Familiar, peer: Peer) -> None:
        """What an alarm should know of."""
        if not peer.listed:
            self._metrics.source_unlisted.inc()
        seen = self._recent.saw(hash(callback.canonical))
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
