"""Callbacks that differ from one met before in nothing but their texts.

A sender prints its callbacks by one form, so the second one needs no walk: what stands between the texts, the
members' names, the kinds of identifiers and the counts of attempts are those of the first, and so is all that
follows from them (what is dropped, how members sort, which text is which field). A layout is a pattern for
exactly that, with a group for each text that may differ, and what was learned from the form by sending it
once through the general way with a marker in the place of every such text.

The event of such a callback is written from the texts at once: it too was learned by writing it once with the
markers (`schemas.eventtext`).

A group takes only what the general way would take as it stands: printable ASCII without escapes of any kind
and without blanks around it, no empty text, identifiers of letters and digits. A text of any other sort, and
one that may hold a secret, is left to the general way.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple, cast

from schemas.eventtext import Circumstances, event_text, quoted
from schemas.identifier import Named, failed_checks
from schemas.ids import IDENTIFIER_CHARS_MAX, REQUEST_ID_CHARS_MAX, Eid, RequestId
from schemas.names import canonical_name
from schemas.parsed import Callback, Credentials, Line, Unreadable, Words
from schemas.scrub import Secrets
from schemas.signal import Signal, Verdict

__all__ = ["Familiar", "Layout", "Layouts", "learned"]

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

_DEVICES_CACHED: Final = 8192
"""A device's callbacks come in copies and in steps: what follows from its identifiers alone is remembered."""

Pick = Callable[[Sequence[str | None]], tuple[str | None, ...]]
Deciding = tuple[str | None, str | None, RequestId | None, Eid | None, *Words]
"""What decides over a callback: user name and password, where it belongs, and the words that are judged."""


class Template(NamedTuple):
    """A text with gaps, and what picks the texts for them."""

    pieces: list[str]
    """Every second one is a gap."""
    pick: "Callable[[Sequence[str | None]], tuple[str, ...]]"

    def fill(self, texts: Sequence[str | None]) -> bytes:
        pieces = self.pieces.copy()
        pieces[1::2] = self.pick(texts)
        return "".join(pieces).encode()


Items = tuple[tuple[int, str], ...]
"""Identifiers: the place of each one's text, and its kind."""


class Devices(NamedTuple):
    """What the texts of the identifiers tell by themselves."""

    arrays: tuple[str, ...]
    """The items of each array, as it is hashed."""
    identifiers: tuple[Named, ...]
    flags: tuple[str, ...]
    listed: str
    """The identifiers as an event lists them."""


class Layout:
    """One form. A place is that of a text among the groups, then the sorted arrays, then the constants; in an
    event the identifiers and the circumstances come after."""

    __slots__ = (
        "_arrays",
        "_body",
        "_canonical",
        "_constants",
        "_deciding",
        "_event",
        "_fields",
        "_identified",
        "_identifying",
        "_known",
        "_places",
        "_settled_flags",
        "fullmatch",
    )

    def __init__(self, known: Callback, form: "_Form") -> None:
        """Raises _OddError where a text has an effect that no place can tell."""
        self.fullmatch = re.compile(form.pattern).fullmatch
        self._known = known
        self._settled_flags = known.flags[len(failed_checks(known.identifiers)) :]
        hashed, self._arrays = form.arrays_in(known.canonical.decode())
        self._canonical = form.template(hashed)
        self._body = form.template(known.body_json.decode())
        self._identified = tuple((form.place_of(text), kind) for kind, text in known.identifiers)
        places = sorted({place for items in (*self._arrays, self._identified) for place, _ in items})
        self._places = {place: number for number, place in enumerate(places)}
        self._identifying = _pick(places)
        constants: list[str | None] = []
        first_constant = form.slots + len(self._arrays)

        def placed(texts: Sequence[str | None]) -> Pick:
            places = []
            for text in texts:
                place = None if text is None or form.mark not in text else form.place_of(text)
                if place is None:
                    place = first_constant + len(constants)
                    constants.append(text)
                places.append(place)
            return _pick(places)

        self._fields = placed(_fields_of(known))
        deciding = placed((*known.credentials, known.request_id, known.eid, *known.words))
        self._deciding = cast("Callable[[Sequence[str | None]], Deciding]", deciding)
        self._constants = tuple(constants)
        self._event = form.event_template(known, first_constant + len(constants))

    def read(self, texts: tuple[str, ...], secrets: Secrets) -> "Familiar | None":
        """A body with these texts; None where a secret may stand in it."""
        devices = _devices(self, self._identifying(texts))
        filled = (*texts, *devices.arrays, *self._constants)
        canonical = self._canonical.fill(filled)
        if secrets.may_stand_in(canonical):
            return None
        return Familiar(self, filled, canonical, devices, self._deciding(filled))

    def devices(self, texts: Sequence[str]) -> Devices:
        """`texts` are those that `_identifying` picks."""
        arrays = [
            sorted([(texts[self._places[place]], kind) for place, kind in items]) for items in self._arrays
        ]
        identifiers = sorted({(kind, texts[self._places[place]]) for place, kind in self._identified})
        return Devices(
            tuple(
                [",".join([f'{{"id":"{text}","kind":"{kind}"}}' for text, kind in items]) for items in arrays]
            ),
            tuple(identifiers),
            (*failed_checks(identifiers), *self._settled_flags),
            ",".join([f'{{"kind":"{kind}","id":"{text}"}}' for kind, text in identifiers]),
        )

    def event(
        self,
        told: "Familiar",
        verdict: Verdict,
        flags: Sequence[str],
        event_id: str,
        account: str,
        observed_at: str,
        producer: str,
        service: str,
        source_ip: str | None,
    ) -> bytes:
        """What `event_text` writes of it; the rest are `Circumstances`, in the order of their places."""
        return self._event.fill(
            (
                *told.filled,
                told.devices.listed,
                quoted(verdict.action),
                ",".join(map(quoted, flags)) if flags else "",
                verdict.signal,
                event_id,
                quoted(account),
                observed_at,
                quoted(producer),
                quoted(service),
                quoted(source_ip),
            )
        )

    def callback(self, told: "Familiar") -> Callback:
        fields = self._fields(told.filled)
        known = self._known
        return Callback._make(
            (
                self._body.fill(told.filled),
                told.canonical,
                known.exact,
                told.credentials,
                *fields[2:8],
                told.devices.identifiers,
                *fields[8:15],
                Line._make(fields[15:]),
                known.attempt,
                known.attempts_max,
                told.flags,
            )
        )


class Familiar:
    """A callback in a layout that was met before: what decides over it at hand, the rest when asked for."""

    __slots__ = (
        "canonical",
        "devices",
        "eid",
        "filled",
        "flags",
        "layout",
        "password",
        "request_id",
        "username",
        "words",
    )

    def __init__(
        self,
        layout: Layout,
        filled: tuple[str | None, ...],
        canonical: bytes,
        devices: Devices,
        deciding: Deciding,
    ) -> None:
        self.layout = layout
        self.filled = filled
        self.canonical = canonical
        self.devices = devices
        self.flags = devices.flags
        self.username, self.password, self.request_id, self.eid = deciding[:4]
        self.words: Words = deciding[4:]

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.username, self.password)

    def callback(self) -> Callback:
        """The whole of it."""
        return self.layout.callback(self)


class Layouts:
    """The layouts met lately, the last one first."""

    def __init__(self, understand: Callable[[bytes], Callback | Unreadable]) -> None:
        """`understand` is the general way, without secrets to look for."""
        self._understand = understand
        self._known: list[Layout] = []
        self._until_study = 0

    def read(self, raw: bytes, secrets: Secrets) -> Familiar | None:
        """What the general way would make of it; None says nothing."""
        if not raw.isascii():
            return None
        text = raw.decode("ascii")
        for place, layout in enumerate(self._known):
            match = layout.fullmatch(text)
            if match is not None:
                if place:
                    self._known.insert(0, self._known.pop(place))
                return layout.read(match.groups(), secrets)
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
        pieces = [piece for constant in re.split(rf"{self.mark}\d\d\d", text) for piece in (constant, "")]
        return Template(pieces[:-1], cast("Callable[[Sequence[str | None]], tuple[str, ...]]", _pick(places)))

    def event_template(self, known: Callback, place: int) -> Template:
        """The event, with what `Layout.event` tells beyond the texts at `place` and the places after it."""
        marks = [self._marker(place + number) for number in range(_CIRCUMSTANCES)]
        identifiers, action, flags, signal, *others = marks
        seen = Circumstances._make(others)
        text = event_text(
            known._replace(identifiers=((identifiers, identifiers),)),
            Verdict(cast("Signal", signal), action, ()),
            (flags,),
            seen,
        ).decode()
        text = text.replace(f'{{"kind":"{identifiers}","id":"{identifiers}"}}', identifiers)
        for mark in (action, flags, seen.account, seen.producer, seen.service, seen.source_ip):
            text = text.replace(f'"{mark}"', str(mark))
        return self.template(text)

    def arrays_in(self, canonical: str) -> tuple[str, tuple[Items, ...]]:
        """The arrays whose order depends on their texts, and the text with one marker for each of them."""
        item = rf'\{{"id":"{self.mark}\d\d\d","kind":"[0-9A-Za-z]+"\}}'
        said = re.compile(rf'"{self.mark}(\d\d\d)","kind":"(\w+)"')
        arrays: list[Items] = []
        kinds = 0

        def lift(array: re.Match[str]) -> str:
            nonlocal kinds
            items = tuple((int(digits), kind) for digits, kind in said.findall(array[0]))
            kinds += len(items)
            arrays.append(items)
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


@lru_cache(maxsize=_DEVICES_CACHED)
def _devices(layout: Layout, texts: tuple[str, ...]) -> Devices:
    return layout.devices(texts)


_CIRCUMSTANCES: Final = 4 + len(Circumstances._fields)
