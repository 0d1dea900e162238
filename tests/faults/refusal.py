"""A database that refuses some events for what they hold, as its own types and constraints might."""

from __future__ import annotations

from tests.faults.spoilt import ACCOUNT
from tests.support.database import Database

REFUSE = f"""
    create function ledger.refuse_strangers() returns trigger language plpgsql as $$
    begin
        raise exception 'an event of a stranger' using errcode = 'invalid_parameter_value';
    end $$;
    create trigger refuse_strangers before insert on ledger.event
        for each row when (new.account = '{ACCOUNT}') execute function ledger.refuse_strangers();
"""


async def refuse_strangers(database: Database) -> None:
    """From now on, every event of the account that spoilt records name."""
    async with database.connect() as connection:
        await connection.execute(REFUSE)
