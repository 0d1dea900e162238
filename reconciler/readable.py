"""The base of every error that a person can put right."""


class ReadableError(Exception):
    """Its text is for people: what happened, what was kept, what to do. No traceback follows."""
