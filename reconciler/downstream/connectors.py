"""The two connectors as the worker sees them."""

from dataclasses import dataclass
from datetime import datetime

from reconciler.downstream.answer import Answer
from reconciler.downstream.exchange import Request
from reconciler.downstream.imiconnect import ImiConnect, ProfileIds
from reconciler.downstream.job import Seen
from reconciler.downstream.linked import seen_in
from reconciler.downstream.oracle_risk import OracleRisk


@dataclass(frozen=True, slots=True)
class ImiConnectJobs:
    client: ImiConnect

    def request(self, ids: ProfileIds) -> Request:
        return self.client.deletion(ids)

    async def look(self, ids: ProfileIds, event_at: datetime) -> Seen | Answer:
        answer, profiles = await self.client.get(ids)
        if profiles is not None:
            return seen_in(profiles, ids.device_id, event_at)
        if answer.outcome in ("confirmed", "not_there", "exists", "accepted", "pending"):
            return Answer("unknown", answer.code, answer.text, None, answer.http_status)
        return answer

    async def send(self, ids: ProfileIds) -> Answer:
        return await self.client.delete(ids)

    async def ask(self, transaction_id: str) -> Answer:
        return await self.client.status(transaction_id)


@dataclass(frozen=True, slots=True)
class OracleRiskJobs:
    """Cannot be looked at, and answers at once."""

    client: OracleRisk

    def request(self, ids: ProfileIds) -> Request:
        return self.client.deletion(ids.holder_id)

    async def look(self, ids: ProfileIds, event_at: datetime) -> Seen | Answer:
        raise NotImplementedError("there is no way to look at a customer's devices")

    async def send(self, ids: ProfileIds) -> Answer:
        return await self.client.unregister_devices(ids.holder_id)

    async def ask(self, transaction_id: str) -> Answer:
        raise NotImplementedError("a deletion is answered at once")
