"""The one thread that touches a spool's file, and how work comes to it and results go back.

It takes what waits, as much as fits in one transaction, and does it: first the questions, which see
everything that was committed, then all changes, in the order they came, with one commit and one fsync for
all. Only then does the loop hear of them. It never waits for the loop, and the loop never for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, Generic, TypeVar

from receiver.spool.keeper import Keeper
from receiver.spool.store import Change
from receiver.spool.words import SpoolRefusedError, SpoolUnavailableError

COMMANDS_MAX: Final = 5_000
"""In one transaction."""

Told = TypeVar("Told")
Subject_contra = TypeVar("Subject_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Command(Generic[Subject_contra, Result_co]):
    """Performed in the thread, settled in the loop."""

    __slots__ = ("_error", "_future", "_result", "_run", "adds", "is_given_up", "weight_bytes")

    def __init__(
        self,
        run: Callable[[Subject_contra], Result_co],
        future: "asyncio.Future[Result_co]",
        *,
        weight_bytes: int = 0,
        adds: bool = False,
    ) -> None:
        """`weight_bytes`: what it will write, roughly. `adds`: makes the spool larger."""
        self._run = run
        self._future = future
        self._result: list[Result_co] = []
        self._error: BaseException | None = None
        self.weight_bytes = weight_bytes
        self.adds = adds
        self.is_given_up = False

    def perform(self, subject: Subject_contra) -> None:
        self._result = [self._run(subject)]

    def fail(self, error: BaseException) -> None:
        self._error = error

    def give_up(self, error: BaseException) -> None:
        """In the loop, because the thread does not come to it. Whether it still does is left open."""
        self.is_given_up = True
        if not self._future.done():
            self._future.set_exception(error)

    def settle(self) -> None:
        if self._future.done():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._result[0])


class Question(Command[Keeper, Result_co]):
    """Changes nothing."""

    __slots__ = ()


class Order(Command[Change, Result_co]):
    """A part of a transaction."""

    __slots__ = ()


AnyCommand = Question[object] | Order[object]


class Writer:
    """`settle` runs in the loop with commands that are done; `ended` too, with what ended the thread."""

    def __init__(
        self,
        keeper: Keeper,
        settle: Callable[[Sequence[AnyCommand]], None],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self._keeper = keeper
        self._settle = settle
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[AnyCommand | None] = SimpleQueue()
        self._in_hand: list[AnyCommand] = []
        self._is_stopping = False
        self._thread = Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, command: AnyCommand) -> None:
        self._queue.put(command)

    def stop(self) -> None:
        """When everything put before is done."""
        self._queue.put(None)

    def unsettled(self) -> list[AnyCommand]:
        """What the thread left behind, once it has ended."""
        left, self._in_hand = list(self._in_hand), []
        with suppress(Empty):
            while True:
                command = self._queue.get_nowait()
                left.extend(() if command is None else (command,))
        return left

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._keeper.begin()
            while not self._is_stopping:
                self._turn()
        except SpoolRefusedError as refusal:
            error = refusal
        except BaseException as fault:
            error = fault
            raise
        finally:
            self._keeper.close()
            self._tell(self._ended, error)

    def _turn(self) -> None:
        commands = self._in_hand = self._take(self._keeper.wait_s())
        if commands:
            self._do(commands)
            self._in_hand = []
            self._tell(self._settle, commands)
            self._keeper.checkpoint_if_due()
        else:
            self._keeper.look_around()
        self._keeper.recover_if_due()

    def _take(self, wait_s: float) -> list[AnyCommand]:
        """What fits in one transaction; one command always does."""
        commands: list[AnyCommand] = []
        weight_bytes = 0
        try:
            command = self._queue.get(timeout=wait_s)
            while command is not None:
                commands.append(command)
                weight_bytes += command.weight_bytes
                if weight_bytes >= self._keeper.group_bytes_max or len(commands) >= COMMANDS_MAX:
                    return commands
                command = self._queue.get_nowait()
            self._is_stopping = True
        except Empty:
            pass
        return commands

    def _do(self, commands: Sequence[AnyCommand]) -> None:
        wanted = [command for command in commands if not command.is_given_up]
        for command in wanted:
            if isinstance(command, Question):
                self._answer(command)
        orders = [command for command in wanted if isinstance(command, Order)]
        if self._keeper.trouble is not None:
            orders = _without_additions(orders, SpoolUnavailableError(self._keeper.trouble))
        if orders:
            self._transact(orders)

    def _answer(self, question: Question[object]) -> None:
        if not self._keeper.is_open():
            question.fail(SpoolUnavailableError(self._keeper.trouble or "starting"))
            return
        try:
            question.perform(self._keeper)
        except SpoolUnavailableError as error:
            question.fail(error)
            self._keeper.failed(error)

    def _transact(self, orders: Sequence[Order[object]], *, is_second_try: bool = False) -> None:
        """A full disk has given up its reserve after the first try, for those who make room."""
        if not self._keeper.is_open():
            _fail(orders, SpoolUnavailableError(self._keeper.trouble or "starting"))
            return
        try:
            with self._keeper.change() as change:
                for order in orders:
                    order.perform(change)
        except SpoolUnavailableError as error:
            self._keeper.failed(error)
            rest = _without_additions(orders, error)
            if rest and error.reason == "disk_full" and not is_second_try:
                self._transact(rest, is_second_try=True)
            else:
                _fail(rest, error)

    def _tell(self, whom: Callable[[Told], None], what: Told) -> None:
        """Nobody listens any more when the loop is closed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(whom, what)


def _without_additions(orders: Sequence[Order[object]], error: SpoolUnavailableError) -> list[Order[object]]:
    _fail([order for order in orders if order.adds], error)
    return [order for order in orders if not order.adds]


def _fail(orders: Sequence[Order[object]], error: SpoolUnavailableError) -> None:
    for order in orders:
        order.fail(error)
