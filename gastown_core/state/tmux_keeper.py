"""The live model's link to tmux: panes are pushed over it, screens are read over it, and it is asked whether it still answers."""

from __future__ import annotations

import asyncio
from functools import partial

from gastown_core.errors import GastownError, NoTmuxError
from gastown_core.state.sources.panes import SCREENS
from gastown_core.tmux.control import ControlLink
from gastown_core.tmux.panes import DEAD_LINES, capture_words
from gastown_core.tmux.server import NoServerError
from gastown_core.tmux.socket import answers, socket_mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.background import Background
    from gastown_core.clock import Clock
    from gastown_core.state.sources.panes import PaneSource
    from gastown_core.tmux.panes import Pane

RETRY_S = 2.0
ASK_EVERY_S, ANSWER_S = 15.0, 10.0
SCREEN_S = 2.0
"""How long tmux may take to give the text of one pane."""


class TmuxKeeper:
    """Holds a control link while a server runs, and reads the agents' screens over it.

    ``on_panes`` is called on the loop when panes may have changed, ``on_change`` when screens or the health of the link
    have.
    """

    def __init__(
        self,
        panes: PaneSource,
        clock: Clock,
        background: Background,
        on_panes: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self.link: ControlLink | None = None
        self._panes = panes
        self._clock = clock
        self._background = background
        self._on_panes = on_panes
        self._on_change = on_change
        self._pushed: dict[str, Pane] | None = None

    def take_panes(self, now: float) -> bool:
        """Take in the newest list that was pushed, or ask for one; whether panes changed. Raises TmuxError."""
        pushed, self._pushed = self._pushed, None
        return self._panes.poll(now) if pushed is None else self._panes.take(pushed, now)

    async def capture(self, pane_id: str, lines: int = 0, *, styled: bool = False) -> list[str]:
        """Return the text of a pane, through the link if there is one. Raises TmuxError."""
        if self.link is None or self.link.closed:
            from gastown_core.tmux.panes import capture_pane

            return await asyncio.to_thread(capture_pane, self._panes.server, pane_id, lines, styled=styled)
        words = f"capture-pane -p {'-e ' if styled else ''}-t {pane_id}" + (f" -S -{lines}" if lines else "")
        return await self._answer(self.link, words, SCREEN_S)

    async def run(self) -> None:
        """Hold a link until cancelled; without a server, look every two seconds whether one listens on its socket."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        dead: tuple[int, int] | None = None
        while True:
            ended.clear()
            name = self._panes.server.socket
            socket = socket_mark(name)
            # a server that was just starting had made its socket and did not listen on it yet
            if socket is None or (socket == dead and not await asyncio.to_thread(answers, name, ANSWER_S)):
                await asyncio.sleep(RETRY_S)
                continue
            try:
                self.link = await asyncio.to_thread(self._open, loop, ended)
            except GastownError as error:
                dead = socket if isinstance(error, NoServerError) else None
                self._note_no_link(error)
                await asyncio.sleep(RETRY_S)
                continue
            self._background.start(SCREENS, partial(self._keep_screens, self.link))
            try:
                await ended.wait()
            finally:
                self._background.stop(SCREENS)
                self._panes.note_unread({}, self._clock.now())
            self.link = None
            self._on_panes()

    async def close(self) -> None:
        """End the link."""
        if self.link is not None:
            await asyncio.to_thread(self.link.close)
            self.link = None

    def _open(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> ControlLink:
        return ControlLink(
            self._panes.server,
            on_change=lambda panes: self._take_push(loop, panes),
            on_close=lambda: _call(loop, ended.set),
        )

    def _take_push(self, loop: asyncio.AbstractEventLoop, panes: dict[str, Pane]) -> None:
        """Called on the link's thread: only the newest list counts, so at most one call is queued for the loop."""
        is_told, self._pushed = self._pushed is not None, panes
        if not is_told:
            _call(loop, self._on_panes)

    def _note_no_link(self, error: GastownError) -> None:
        if isinstance(error, NoTmuxError | NoServerError):
            if self._panes.facts.panes:
                self._on_panes()
            return
        self._panes.facts.failed("tmux", str(error))
        self._on_change()

    async def _keep_screens(self, link: ControlLink) -> None:
        """Read the agents' screens, once a second at most and only after output."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while True:
            await asyncio.sleep(1.0)
            if loop.time() - asked >= ASK_EVERY_S:
                await self._ask(link)
                asked = loop.time()
            await self._read_screens(link)

    async def _ask(self, link: ControlLink) -> None:
        """Ask for nothing: tmux pushes its news, so one that hangs would pass for one without news."""
        try:
            await self._answer(link, "display-message -p .", ANSWER_S)
            came = True
        except TimeoutError:
            came = False
        except GastownError:
            return  # the link ends, and says so itself
        if self._panes.note_answer(came, self._clock.now()):
            self._on_change()

    async def _read_screens(self, link: ControlLink) -> None:
        before = self._read_so_far()
        failed: dict[str, str] = {}
        for pane in self._panes.stale_screens():
            asked_at = self._clock.now()
            words = " ".join(capture_words(pane.pane_id, DEAD_LINES if pane.dead else 0, styled=True))
            try:
                lines = await self._answer(link, words, SCREEN_S)
            except (GastownError, TimeoutError) as error:
                failed[pane.session] = str(error) or "tmux does not answer"
                continue
            self._panes.take_screen(pane, lines, asked_at)
        if self._panes.note_unread(failed, self._clock.now()) or self._read_so_far() != before:
            self._on_change()

    def _read_so_far(self) -> tuple[object, object]:
        return dict(self._panes.facts.screens), dict(self._panes.facts.last_words)

    @staticmethod
    async def _answer(link: ControlLink, words: str, patience_s: float) -> list[str]:
        """Return what tmux answers to a command. Raises TmuxError, TimeoutError."""
        return await asyncio.wait_for(asyncio.wrap_future(link.command(words)), patience_s)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Schedule a call from the link's thread on the loop; a closed loop is ignored."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return
