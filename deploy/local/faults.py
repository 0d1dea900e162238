"""The two ways a stack command ends badly; both texts are one readable sentence or two, for people."""


class StackError(Exception):
    """The world did not play along: a start failed, a port is taken, a download broke. Exit code 1."""


class MisuseError(Exception):
    """What was asked cannot be meant: a folder that is a file, a home that is none. Exit code 2."""
