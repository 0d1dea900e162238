"""Closing a listener without resetting anybody who is already connected.

A connection that the kernel has made and nobody has accepted yet is reset when its listener closes, and its
sender loses the request it may have sent. No order of accepting and closing alone prevents that: there is
always a moment between the two. So new ones are first kept from being made.
"""

import ctypes
import socket
from contextlib import suppress

SO_ATTACH_FILTER = 26
TCP_FLAGS_BYTE = 13
SYN, SYN_AND_ACK = 0x02, 0x12
LOAD_BYTE, AND, JUMP_IF_EQUAL, RETURN = 0x30, 0x54, 0x15, 0x06
ALL_OF_IT = 0xFFFFFFFF


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction)))


def take_nobody_new(listener: socket.socket) -> None:
    """Lets handshakes under way come to their end, and drops the first packet of every other.

    Whoever sent that packet sends it again after a second, and is refused or finds our successor. Does
    nothing where the system has no socket filters.
    """
    drop_first_packets = (_Instruction * 5)(
        _Instruction(LOAD_BYTE, 0, 0, TCP_FLAGS_BYTE),
        _Instruction(AND, 0, 0, SYN_AND_ACK),
        _Instruction(JUMP_IF_EQUAL, 0, 1, SYN),
        _Instruction(RETURN, 0, 0, 0),
        _Instruction(RETURN, 0, 0, ALL_OF_IT),
    )
    program = _Program(len(drop_first_packets), drop_first_packets)
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))
