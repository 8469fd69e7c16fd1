"""The live town behind all pages: one model, one revision number, and each panel drawn once for everybody who looks.

A panel is a piece of HTML with an id.  It is drawn when somebody looks at it, and only a panel whose HTML has changed is
sent.  It shows moments, never ages, so that time alone changes nothing; the page turns them into ages.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from contextlib import suppress

from gastown_core.attention.look import attention
from gastown_core.attention.marks import Marks, Sorted, apply
from gastown_core.state.live import LiveTown
from gastown_core.state.stream import StreamView
from gastown_web.event_link import moment_of
from gastown_web.reads import Reads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.state.rows import EventFilter, EventRow
    from gastown_web.reads import Reader

    Draw = Callable[[str], str]


def whole_number(text: str, otherwise: int) -> int:
    """Return the whole number that a stranger wrote in digits, at most 10⁹; ``otherwise`` if it is none."""
    if not (text.isascii() and text.isdigit()):
        return otherwise
    return int(text) if len(text) < 10 else 10**9


RECHECK_S = 1.0
"""How often time alone may change a verdict."""
PING_S = 15.0
"""How often a silent stream says that it lives."""
FIRST_READ_S = 8.0
"""How long a page waits for what is read from disk; its stream brings what takes longer."""
AROUND = 12
"""How many events before and after one are shown beside it."""
MOST_DRAWN = 256
"""So many panels are kept, those looked at last."""


def load_readers() -> Mapping[str, Reader]:
    """Return the table of readers; its imports take longer than the server's start."""
    from gastown_web.readers import READERS

    return READERS


class Drawn:
    """A panel's HTML, and the revision at which it became so."""

    def __init__(self, html: str, revision: int) -> None:
        self.html = html
        self.revision = revision
        self.checked = revision


class Desk:
    """The town at ``root``, kept live while the server runs; ``revision`` grows with each change, ``era`` names this server's count."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.live = LiveTown(root)
        self.era = secrets.token_hex(4)
        self.revision = 1
        self.trouble = ""
        self.marks = Marks(root)
        self.reads = Reads(root, load_readers, self.stir)
        self.listeners = 0
        self._drawn: OrderedDict[str, Drawn] = OrderedDict()
        self._changed = asyncio.Event()
        self._is_ending = False
        self._inbox: tuple[int, Sorted] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def town(self) -> TownSnapshot:
        """The newest snapshot."""
        return self.live.snapshot

    async def start(self) -> None:
        """Load the town and follow it."""
        await self.live.start()
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._recheck())]

    def end(self) -> None:
        """End the streams of everybody who listens: a server waits for them before it stops."""
        self._is_ending = True
        self.stir()

    async def close(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.reads.close()
        await self.live.close()

    def stir(self) -> int:
        """Count a change and return its revision; everybody who listens looks again."""
        self.revision += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        return self.revision

    async def _follow(self) -> None:
        while True:
            try:
                async for _ in self.live.updates():
                    self.trouble = ""
                    self.stir()
                return
            except Exception as error:  # noqa: BLE001  the pages say it, and the model goes on
                self.trouble = f"the live model failed: {error}"
                self.stir()
                await asyncio.sleep(RECHECK_S)

    async def _recheck(self) -> None:
        """Look once a second for what no source reports: a verdict that time alone changes, a mark, the end of a snooze."""
        known = self.marks.now()
        while True:
            await asyncio.sleep(RECHECK_S)
            try:
                marks, now = self.marks.now(), self.live.clock.now()
                is_over = any(row.snoozed_until <= now for row in self.inbox().hidden)
                if self.live.recheck() or marks is not known or is_over:
                    known = marks
                    self.stir()
            except Exception as error:  # noqa: BLE001  as above
                self.trouble = f"the live model failed: {error}"
                self.stir()

    def inbox(self) -> Sorted:
        """Return what waits on a person, as the console's inbox shows it; sorted once for each revision."""
        if self._inbox is None or self._inbox[0] != self.revision:
            rows = apply(attention(self.town), self.marks.now(), self.live.clock.now())
            self._inbox = (self.revision, rows)
        return self._inbox[1]

    def events(self, wanted: EventFilter, limit: int) -> list[EventRow]:
        """Return the newest rows that a filter lets through, newest first."""
        view = StreamView(self.live.stream, wanted)
        end = len(view)
        return [view.row(place) for place in range(end - 1, max(-1, end - 1 - limit), -1)]

    def events_near(self, name: str) -> list[EventRow]:
        """Return the event with an id and those around it, newest first; empty if no such moment is known."""
        at = moment_of(name)
        view = StreamView(self.live.stream)
        if at is None or not len(view):
            return []
        low, high = 0, len(view)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if view.row(middle).ts < at else (low, middle)
        around = range(min(len(view), low + AROUND) - 1, max(-1, low - AROUND - 1), -1)
        return [view.row(place) for place in around]

    def panel(self, name: str, draw: Draw) -> Drawn:
        """Return a panel as it is now, drawn anew only if something has changed since."""
        known = self._drawn.get(name)
        if known is not None and known.checked == self.revision:
            return known
        html = draw(name)
        if known is None or known.html != html:
            known = self._drawn[name] = Drawn(html, self.revision)
        known.checked = self.revision
        self._drawn.move_to_end(name)
        if len(self._drawn) > MOST_DRAWN:
            self._drawn.popitem(last=False)
        return known

    async def ready(self, names: Iterable[str]) -> None:
        """Read what these panels need from disk, if that is out of date; wait for it a while."""
        wanted = list(names)
        self.reads.ask(wanted, self.revision, self.town, self.live.clock.now())
        await self.reads.first(wanted, FIRST_READ_S)

    def edition(self, revision: int) -> str:
        """Return how a page remembers a revision."""
        return f"{self.era}-{revision}"

    def revision_of(self, edition: str) -> int:
        """Return the revision that a page remembers; 0 for that of an earlier server, which counted other changes."""
        era, _, number = edition.partition("-")
        return whole_number(number, 0) if era == self.era else 0

    async def changes(self, names: Iterable[str], draw: Draw, after: int) -> AsyncIterator[tuple[int, list[str]]]:
        """Yield, with the revision, the HTML of those panels that changed after revision ``after``; empty now and then."""
        wanted = list(names)
        self.listeners += 1
        try:
            while not self._is_ending:
                revision, changed = self.revision, self._changed
                due = self.reads.ask(wanted, revision, self.town, self.live.clock.now())
                new = [drawn.html for name in wanted if (drawn := self.panel(name, draw)).revision > after]
                if new:
                    yield revision, new
                after = revision
                is_silent = await self._is_silent(changed, due)
                if is_silent:
                    yield revision, []
        finally:
            self.listeners -= 1

    async def _is_silent(self, changed: asyncio.Event, due: float) -> bool:
        """Wait for a change, or until a reading is due; return whether a stream must show that it lives."""
        try:
            await asyncio.wait_for(changed.wait(), min(PING_S, max(0.05, due)))
        except TimeoutError:
            return due >= PING_S
        return False
