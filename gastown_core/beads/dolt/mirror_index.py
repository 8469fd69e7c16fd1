"""The index of a mirror: each look first has the mirror catch up with the database."""

from __future__ import annotations

from gastown_core.beads.dolt.link import UnreachableError
from gastown_core.beads.index import Index
from gastown_core.clock import format_local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.dolt.mirror import Mirror
    from gastown_core.beads.index_intake import Progress
    from gastown_core.clock import Clock

AGAIN_S = 2.0
"""How long a server that did not answer is not asked again, so that a question costs one time limit, not a hundred."""
PATIENCE = 3.0
"""A server that took long not to answer is left alone for so many times as long."""


class MirrorIndex(Index):
    """The index of a mirror; before each look it has the mirror catch up with the database."""

    def __init__(self, mirror: Mirror, clock: Clock, progress: Progress | None = None) -> None:
        super().__init__(mirror.folder, progress)
        self.mirror = mirror
        self.trouble = ""
        self._clock = clock
        self._since = 0.0
        self._asked = 0.0
        self._pause_s = AGAIN_S
        self._holds = 0

    def refresh(self) -> None:
        """Read what is new in the database, then in the mirror. Raises StoreError."""
        if not self._holds:
            self._catch_up_with_server()
        super().refresh()

    def hold(self, *, on: bool) -> None:
        """While held, the mirror stays as it is: its lock is held by this process."""
        self._holds += 1 if on else -1

    def _catch_up_with_server(self) -> None:
        now = self._clock.now()
        if self.trouble and 0 <= now - self._asked < self._pause_s:
            return
        try:
            self.mirror.catch_up()
        except UnreachableError as error:
            self._asked = self._clock.now()
            self._pause_s = max(AGAIN_S, PATIENCE * (self._asked - now))
            if not self.mirror.exists:
                raise
            self._since = self._since or now
            self.trouble = (
                f"store unreachable since {format_local(self._since)}, shown is what it held when last read: {error}"
            )
            return
        self.trouble, self._since = "", 0.0
