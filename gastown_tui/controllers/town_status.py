"""Opens the status page and keeps it fresh while it is open; knows since when the console runs, and what it used."""

from __future__ import annotations

import asyncio
import time

from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.state.detail import WatchNote
    from gastown_tui.console import Console
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.dialogs.town_status import TownStatus
    from gastown_tui.text import Pieces

FRESH_S = 1.0


class TownStatusController:
    """The status page of the town."""

    def __init__(self, console: Console, calls: CoreCalls) -> None:
        self.console = console
        self.calls = calls
        self._began = (time.monotonic(), time.process_time())
        self._told: WatchNote | None = None
        self._open: TownStatus | None = None

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the page's actions, by action id."""
        return {"status.open": self.open}

    def open(self) -> str:
        """Read the daemon's account of itself, then show the page."""
        self.console.prepare(self._show(), "status")
        return ""

    def _lines(self, width: int) -> list[Pieces]:
        from gastown_tui.dialogs.town_status import status_lines

        began, used = self._began
        up_s = max(0.001, time.monotonic() - began)
        own = ((time.process_time() - used) / up_s, up_s)
        return status_lines(self.console.snapshot, self._told, self.console.live.ages(), own, self.console.now, width)

    async def _show(self) -> None:
        from gastown_tui.dialogs.town_status import TownStatus

        await self._read()
        page = self._open = TownStatus(self._lines)
        self.console.ask(page, self._closed)
        while self._open is page:
            await asyncio.sleep(FRESH_S)
            await self._read()
            if page.is_mounted and self._open is page:
                page.fill()

    async def _read(self) -> None:
        try:
            self._told = await asyncio.to_thread(self.calls.watch_note, self.console.now)
        except GastownError as error:
            self._told = None
            self.console.say(f"the daemon's state cannot be read: {error}", "bad")

    def _closed(self, _: None) -> None:
        self._open = None
