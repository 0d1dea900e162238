"""Which callbacks came by lately, to tell a late first sight from a second copy."""

RECENT_MAX = 20_000


class Recent:
    """The last `RECENT_MAX` or so of this process, by digest; what another receiver saw is unknown here."""

    def __init__(self) -> None:
        self._older: set[int] = set()
        self._newer: set[int] = set()

    def saw(self, digest: int) -> bool:
        """Whether it was there before. It is from now on."""
        known = digest in self._newer or digest in self._older
        self._newer.add(digest)
        if len(self._newer) > RECENT_MAX // 2:
            self._older, self._newer = self._newer, set()
        return known
