"""What a batch concerns: the rows to lock, what to read, and which events are folded together.

A *unit* is what is folded alone: one EID of one request where every event of the request names its EID,
otherwise the whole request. (So a bulk request of ten thousand devices is not read again for each callback.)
An intent that has not become a request is folded like a request of its own.

Locks come first, then the reading, so that what is read cannot change: intents before requests, each in the
order of their keys. An event without request id concerns every request its intent became; these are known for
certain once the intent is locked, because whoever links the two locks both.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.core.evidence import Evidence
from reconciler.core.identity import Group
from reconciler.core.operation import Operation
from schemas.ids import AccountName, Eid, IntentId, RequestId


class Key(NamedTuple):
    """A request or an intent; which of the two, the place says."""

    account: AccountName
    id: str


class Link(NamedTuple):
    """A request event that names both: the intent became the request."""

    account: AccountName
    intent_id: IntentId
    request_id: RequestId


class Unit(NamedTuple):
    """What is folded alone; without `eid` the whole request or intent."""

    group: Group
    eid: Eid | None


@dataclass(frozen=True, slots=True)
class Known:
    """A stored lock row: whether some event of it names no EID, and the ids that it is linked with."""

    eidless: bool
    linked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Concern:
    """The lock rows of a batch, each with whether an event that belongs to it names no EID."""

    intents: Mapping[Key, bool]
    requests: Mapping[Key, bool]
    links: frozenset[Link]


def concern_of(evidence: Iterable[Evidence]) -> Concern:
    """What the batch's own events name; an event with neither id concerns nothing."""
    intents: dict[Key, bool] = {}
    requests: dict[Key, bool] = {}
    links: set[Link] = set()
    for row in evidence:
        eidless = row.eid is None
        if row.request_id is not None:
            request = Key(row.account, row.request_id)
            requests[request] = requests.get(request, False) or eidless
        if row.intent_id is not None:
            intent = Key(row.account, row.intent_id)
            alone = row.request_id is None
            intents[intent] = intents.get(intent, False) or (alone and eidless)
            if row.kind == "request" and row.request_id is not None:
                links.add(Link(row.account, row.intent_id, row.request_id))
    return Concern(intents, requests, frozenset(links))


def with_requests_of_intents(concern: Concern, known: Mapping[Key, Known]) -> Concern:
    """Adds the requests that the intents became. `known` was read after locking the intents."""
    became = _became(concern, known)
    requests = dict(concern.requests)
    for intent, ids in became.items():
        eidless = concern.intents[intent] or (intent in known and known[intent].eidless)
        for request in ids:
            key = Key(intent.account, request)
            requests[key] = requests.get(key, False) or eidless
    return Concern(concern.intents, requests, concern.links)


def _became(concern: Concern, known: Mapping[Key, Known]) -> dict[Key, set[str]]:
    became = {intent: set(known[intent].linked) if intent in known else set() for intent in concern.intents}
    for link in concern.links:
        became[Key(link.account, link.intent_id)].add(link.request_id)
    return became


@dataclass(frozen=True, slots=True)
class Reading:
    """Evidence and operations to read: some requests and intents whole, others for one EID each."""

    requests: Sequence[Key] = ()
    requests_in_part: Sequence[tuple[Key, Eid]] = ()
    intents: Sequence[Key] = ()
    intents_in_part: Sequence[tuple[Key, Eid]] = ()

    def __bool__(self) -> bool:
        return bool(self.requests or self.requests_in_part or self.intents or self.intents_in_part)


@dataclass(frozen=True, slots=True)
class Scope:
    """The units of a batch, and how evidence and operations are put into them."""

    became: Mapping[Key, frozenset[RequestId]]
    """The requests of every intent that matters here; none while it is alone."""
    whole: frozenset[Group]
    units: frozenset[Unit]
    stored: frozenset[Group]
    """Requests and intents that may have rows."""
    links: frozenset[Link] = field(default=frozenset())
    """Those that are new."""

    def units_of(self, row: Evidence) -> Iterator[Unit]:
        """The units that an event belongs to, be they of this batch or not."""
        if row.request_id is not None:
            yield self._unit(Group(row.account, "request", row.request_id), row.eid)
        elif row.intent_id is not None:
            requests = self.became.get(Key(row.account, row.intent_id))
            for request in sorted(requests or ()):
                yield self._unit(Group(row.account, "request", request), row.eid)
            if not requests:
                yield self._unit(Group(row.account, "intent", row.intent_id), row.eid)

    def unit_of(self, operation: Operation) -> Unit:
        if operation.request_id is not None:
            return self._unit(Group(operation.account, "request", operation.request_id), operation.eid)
        assert operation.intent_id is not None
        return self._unit(Group(operation.account, "intent", operation.intent_id), operation.eid)

    def _unit(self, group: Group, eid: Eid | None) -> Unit:
        return Unit(group, None if group in self.whole else eid)

    def operations(self) -> Reading:
        """Which stored operations the units have."""
        return _reading(unit for unit in self.units if unit.group in self.stored)

    def evidence(self) -> Reading:
        """Which stored evidence the units have: a request's includes that of the intents which became it."""
        own = {unit for unit in self.units if unit.group in self.stored}
        intents_of: dict[Key, list[IntentId]] = {}
        for intent, requests in self.became.items():
            for request in requests:
                intents_of.setdefault(Key(intent.account, request), []).append(IntentId(intent.id))
        for group, eid in self.units:
            if group.scope == "request":
                for intent_id in intents_of.get(Key(group.account, group.id), ()):
                    own.add(Unit(Group(group.account, "intent", intent_id), eid))
        return _reading(own)


def _reading(units: Iterable[Unit]) -> Reading:
    requests: list[Key] = []
    requests_in_part: list[tuple[Key, Eid]] = []
    intents: list[Key] = []
    intents_in_part: list[tuple[Key, Eid]] = []
    for group, eid in units:
        key = Key(group.account, group.id)
        whole, in_part = (
            (requests, requests_in_part) if group.scope == "request" else (intents, intents_in_part)
        )
        if eid is None:
            whole.append(key)
        else:
            in_part.append((key, eid))
    return Reading(requests, requests_in_part, intents, intents_in_part)


def scope_of(
    evidence: Iterable[Evidence],
    concern: Concern,
    known_intents: Mapping[Key, Known],
    known_requests: Mapping[Key, Known],
) -> Scope:
    """The units of the batch's events. What is known was read after locking; requests not in it are new."""
    links = frozenset(
        link
        for link in concern.links
        if (known := known_intents.get(Key(link.account, link.intent_id))) is None
        or link.request_id not in known.linked
    )
    scope = Scope(
        became=_all_became(concern, known_intents, known_requests),
        whole=_folded_whole(concern, known_intents, known_requests, links),
        units=frozenset(),
        stored=_stored(known_intents, known_requests),
        links=links,
    )
    units = {unit for row in evidence for unit in scope.units_of(row)}
    for link in links:
        units.add(Unit(Group(link.account, "request", link.request_id), None))
        units.add(Unit(Group(link.account, "intent", link.intent_id), None))
    return Scope(scope.became, scope.whole, frozenset(units), scope.stored, links)


def _all_became(
    concern: Concern, known_intents: Mapping[Key, Known], known_requests: Mapping[Key, Known]
) -> dict[Key, frozenset[RequestId]]:
    became = _became(concern, known_intents)
    for request, known in known_requests.items():
        for intent in known.linked:
            became.setdefault(Key(request.account, intent), set()).add(request.id)
    return {intent: frozenset(RequestId(request) for request in ids) for intent, ids in became.items()}


def _folded_whole(
    concern: Concern,
    known_intents: Mapping[Key, Known],
    known_requests: Mapping[Key, Known],
    links: Iterable[Link],
) -> frozenset[Group]:
    """A new link brings all that the intent says into the request, whatever EIDs it names."""
    whole = {Group(link.account, "request", link.request_id) for link in links}
    whole.update(Group(link.account, "intent", link.intent_id) for link in links)
    for request, eidless in concern.requests.items():
        if eidless or (request in known_requests and known_requests[request].eidless):
            whole.add(Group(request.account, "request", request.id))
    for intent, eidless in concern.intents.items():
        if eidless or (intent in known_intents and known_intents[intent].eidless):
            whole.add(Group(intent.account, "intent", intent.id))
    return frozenset(whole)


def _stored(known_intents: Mapping[Key, Known], known_requests: Mapping[Key, Known]) -> frozenset[Group]:
    return frozenset(Group(key.account, "request", key.id) for key in known_requests) | frozenset(
        Group(key.account, "intent", key.id) for key in known_intents
    )
