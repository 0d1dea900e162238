"""The connector to Oracle's customer care: signs a customer off all registered devices, and nothing else.

Oracle's devices are the phones and browsers of a login; there is no way to name one of them, and no way to
look at them first. What must stop this from hurting anybody stands before it, in the rules of the jobs.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr
from yarl import URL

from reconciler.downstream import oracle_answer
from reconciler.downstream.address import provision_address
from reconciler.downstream.answer import Answer
from reconciler.downstream.exchange import Exchange, Request

CUSTOMERS: Final = ("customercare", "v1")
PROVISION: Final = ("provision",)


def basic(username: str, key_base64: SecretStr) -> SecretStr:
    """The Authorization header for a key as the deployment prints it, in Base64. Raises ValueError."""
    try:
        password = base64.b64decode(key_base64.get_secret_value(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError(
            "is not Base64 of a text; write riskfactorapikey as the deployment prints it"
        ) from None
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return SecretStr(f"Basic {pair}")


@dataclass(frozen=True, slots=True)
class OracleRisk:
    """`base` includes the context path, which no two pages of the vendor agree on."""

    base: URL
    authorization: SecretStr
    exchange: Exchange = field(repr=False)

    def deletion(self, customer_id: str) -> Request:
        """What `unregister_devices` would send. `customer_id` is Oracle's uniqueUserId, never a login name.

        Raises `UnsafeAddressError`.
        """
        url = provision_address(self.base, CUSTOMERS, customer_id, PROVISION)
        headers = {"Accept": "application/json"}
        return Request("DELETE", url, headers, {"Authorization": self.authorization.get_secret_value()})

    async def unregister_devices(self, customer_id: str) -> Answer:
        """All of them. The answer does not say which devices these were, or whether there were any."""
        reply = await self.exchange.send(self.deletion(customer_id))
        if isinstance(reply, Answer):
            lost = reply.outcome == "lost"
            return Answer("away", "", reply.text, None, reply.http_status, may_be_done=lost)
        return oracle_answer.read(reply.http_status, reply.body, reply.retry_after_s)
