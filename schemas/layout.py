"""Callbacks that differ from one met before in nothing but their texts.

A sender prints its callbacks by one form, so the second one needs no walk: what stands between the texts, the
members' names, the kinds of identifiers and the counts of attempts are those of the first, and so is all that
follows from them (what is dropped, how members sort, which text is which field). A layout is a pattern for
exactly that, with a group for each text that may differ, and what was learned from the form by sending it
once through the general way with a marker in the place of every such text.

A group takes only what the general way would take as it stands: printable ASCII without escapes of any kind
and without blanks around it, no empty text, identifiers of letters and digits. A text of any other sort, and
one that may hold a secret, is left to the general way.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final, cast

from schemas.identifier import failed_checks
from schemas.ids import IDENTIFIER_CHARS_MAX, REQUEST_ID_CHARS_MAX
from schemas.names import canonical_name
from schemas.parsed import Callback, Credentials, Line, Unreadable
from schemas.scrub import Secrets

__all__ = ["Layout", "Layouts", "learned"]

LAYOUTS_MAX: Final = 16
STUDIED_ONE_IN: Final = 64
"""Of the callbacks in an unknown layout: compiling a pattern takes as long as reading fifty of them."""
STUDIED_CHARS_MAX: Final = 4096
_SLOTS_MAX: Final = 100
_COUNT_MAX: Final = 99
"""Counts stand in the layout itself, where nothing looks for a secret: greater ones go the general way."""

_HARMLESS: Final = r"[ !#$'-\[\]-~]"
"""Printable ASCII without quotation mark and backslash, `%` and `&`."""
_TEXT: Final = rf"((?! ){_HARMLESS}++(?<! ))"
_SLOT_OF: Final = {
    "id": rf"([0-9A-Za-z]{{1,{IDENTIFIER_CHARS_MAX}}}+)",
    "requestId": rf"((?! ){_HARMLESS}{{1,{REQUEST_ID_CHARS_MAX}}}+(?<! ))",
}
_FIXED_TEXTS: Final = frozenset({"kind", "callbackCount", "maxCallbackThreshold"})
"""Members whose text decides how others are read."""

_LINE: Final = "\n"
"""Keeps apart what is filled together: it stands in no text."""
_LINE_END: Final = _LINE.encode()

Pick = Callable[[Sequence[str | None]], tuple[str | None, ...]]
Template = tuple[str, Pick]
"""A text with gaps, and what picks the texts for them."""


class Layout:
    """One form. A place is that of a text among the groups, then the sorted arrays, then the constants."""

    __slots__ = (
        "_arrays",
        "_bytes",
        "_constants",
        "_fields",
        "_gaps",
        "_identified",
        "_known",
        "_settled_flags",
        "fullmatch",
    )

    def __init__(self, known: Callback, form: "_Form") -> None:
        """Raises _OddError where a text has an effect that no place can tell."""
        self.fullmatch = re.compile(form.pattern).fullmatch
        self._known = known
        self._settled_flags = known.flags[len(failed_checks(known.identifiers)) :]
        hashed, self._arrays = form.arrays_in(known.canonical.decode())
        self._bytes, self._gaps = form.template(f"{hashed}{_LINE}{known.body_json.decode()}")
        self._identified = tuple((form.place_of(text), kind) for kind, text in known.identifiers)
        constants: list[str | None] = []
        places = []
        for text in _fields_of(known):
            place = None if text is None or form.mark not in text else form.place_of(text)
            if place is None:
                place = form.slots + len(self._arrays) + len(constants)
                constants.append(text)
            places.append(place)
        self._fields = _pick(places)
        self._constants = tuple(constants)

    def callback(self, texts: tuple[str, ...], secrets: Secrets) -> Callback | None:
        """What a body with these texts says; None where a secret may stand in it."""
        filled = (*texts, *[_in_order(items % pick(texts)) for items, pick in self._arrays])
        canonical, _, body_json = (self._bytes % self._gaps(filled)).encode().partition(_LINE_END)
        if secrets.may_stand_in(canonical):
            return None
        identifiers = tuple(sorted({(kind, texts[place]) for place, kind in self._identified}))
        fields = self._fields((*filled, *self._constants))
        known = self._known
        return Callback._make(
            (
                body_json,
                canonical,
                known.exact,
                Credentials._make(fields[:2]),
                *fields[2:8],
                identifiers,
                *fields[8:15],
                Line._make(fields[15:]),
                known.attempt,
                known.attempts_max,
                (*failed_checks(identifiers), *self._settled_flags),
            )
        )


class Layouts:
    """The layouts met lately, the last one first."""

    def __init__(self, understand: Callable[[bytes], Callback | Unreadable]) -> None:
        """`understand` is the general way, without secrets to look for."""
        self._understand = understand
        self._known: list[Layout] = []
        self._until_study = 0

    def read(self, raw: bytes, secrets: Secrets) -> Callback | None:
        """What the general way would make of it; None says nothing."""
        if not raw.isascii():
            return None
        text = raw.decode("ascii")
        for place, layout in enumerate(self._known):
            match = layout.fullmatch(text)
            if match is not None:
                if place:
                    self._known.insert(0, self._known.pop(place))
                return layout.callback(match.groups(), secrets)
        return None

    def meet(self, raw: bytes) -> None:
        """After the general way understood it: the layout may be worth learning."""
        if len(raw) > STUDIED_CHARS_MAX or b"\\" in raw or not raw.isascii():
            return
        self._until_study -= 1
        if self._until_study > 0:
            return
        self._until_study = STUDIED_ONE_IN
        layout = learned(raw.decode("ascii"), self._understand)
        if layout is not None:
            self._known = [layout, *self._known[: LAYOUTS_MAX - 1]]


def learned(text: str, understand: Callable[[bytes], Callback | Unreadable]) -> Layout | None:
    """The layout of a callback that was understood and has no backslash."""
    form = _Form(text)
    known = understand(form.probe.encode())
    if form.slots > _SLOTS_MAX or isinstance(known, Unreadable) or known.exact:
        return None
    if max(known.attempt or 0, known.attempts_max or 0) > _COUNT_MAX:
        return None
    try:
        return Layout(known, form)
    except _OddError:
        return None


class _OddError(Exception):
    """This form is none that can be learned."""


class _Form:
    """A body cut at its quotation marks: which texts may differ, and the body with a marker for each."""

    def __init__(self, text: str) -> None:
        self.mark = "slot"
        while self.mark in text:
            self.mark += "x"
        self.slots = self.kinds = 0
        pieces = text.split('"')
        pattern, probe, name = [], [], ""
        for place, piece in enumerate(pieces):
            is_name = place % 2 == 1 and pieces[place + 1].lstrip().startswith(":")
            if is_name:
                name = canonical_name(piece)
                self.kinds += name == "kind"
            if is_name or place % 2 == 0 or name in _FIXED_TEXTS:
                pattern.append(re.escape(piece))
                probe.append(piece)
            else:
                pattern.append(_SLOT_OF.get(name, _TEXT))
                probe.append(self._marker(self.slots))
                self.slots += 1
        self.pattern, self.probe = '"'.join(pattern), '"'.join(probe)

    def _marker(self, place: int) -> str:
        return f"{self.mark}{place:03}"

    def place_of(self, text: str) -> int:
        """Raises _OddError where the text is more than one of the body's texts, or none of them."""
        match = re.fullmatch(rf"{self.mark}(\d\d\d)", text)
        if match is None:
            raise _OddError
        return int(match[1])

    def template(self, text: str) -> Template:
        places = [int(digits) for digits in re.findall(rf"{self.mark}(\d\d\d)", text)]
        return re.sub(rf"{self.mark}\d\d\d", "%s", text.replace("%", "%%")), _pick(places)

    def arrays_in(self, canonical: str) -> tuple[str, tuple[Template, ...]]:
        """The arrays whose order depends on their texts, and the text with one marker for each of them."""
        item = rf'\{{"id":"{self.mark}\d\d\d","kind":"[0-9A-Za-z]+"\}}'
        arrays: list[Template] = []
        kinds = 0

        def lift(array: re.Match[str]) -> str:
            nonlocal kinds
            items = re.findall(item, array[0])
            kinds += len(items)
            arrays.append(self.template(_LINE.join(items)))
            return f"[{self._marker(self.slots + len(arrays) - 1)}]"

        lifted = re.sub(rf"\[{item}(?:,{item})*\]", lift, canonical)
        if kinds != self.kinds:
            raise _OddError
        return lifted, tuple(arrays)


def _pick(places: Sequence[int]) -> Pick:
    if len(places) == 1:
        return lambda texts: (texts[places[0]],)
    return cast("Pick", itemgetter(*places)) if places else lambda _: ()


def _fields_of(known: Callback) -> tuple[str | None, ...]:
    """In the order of a callback's members; the two of the credentials first, the four of the line last."""
    texts = known[4:10] + known[11:18]
    return (*known.credentials, *cast("tuple[str | None, ...]", texts), *known.line)


def _in_order(items: str) -> str:
    return ",".join(sorted(items.split(_LINE)))
