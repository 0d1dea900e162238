"""What becomes of connections around the moment a listener closes."""

import socket

import pytest

from receiver.last_call import take_nobody_new

SOON_S = 0.3


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_who_is_connected_already_is_accepted_and_heard(listener: socket.socket) -> None:
    with listener, socket.create_connection(listener.getsockname()) as sender:
        sender.sendall(b"before")
        take_nobody_new(listener)
        accepted, _ = listener.accept()
        with accepted:
            sender.sendall(b", after")
            sender.shutdown(socket.SHUT_WR)
            assert accepted.makefile("rb").read() == b"before, after"


def test_who_comes_later_is_neither_connected_nor_reset(listener: socket.socket) -> None:
    with listener, socket.socket() as sender:
        take_nobody_new(listener)
        sender.settimeout(SOON_S)
        with pytest.raises(TimeoutError):
            sender.connect(listener.getsockname())
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
