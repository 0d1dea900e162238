"""Works that belong together end together."""

import asyncio

import pytest

from reconciler import together


async def test_who_waits_for_nobody_while_cleaning_up_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a transaction is rolled back at a server that does not answer any more."""
    monkeypatch.setattr(together, "AGAIN_S", 0.01)
    cleaned = []

    async def cleaning() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append(True)

    async def deaf() -> None:
        """The first word is lost: another error came in its place."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    works = asyncio.ensure_future(together.first_to_end(asyncio.sleep(0), cleaning(), deaf()))
    done, _ = await asyncio.wait({works}, timeout=20)
    assert done
    assert cleaned == [True]
