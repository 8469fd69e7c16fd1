"""Coming back: what happened since the operator last pressed a key, and since the console was last used."""

from __future__ import annotations

import asyncio

from gastown_core.clock import format_span
from gastown_core.errors import GastownError
from gastown_tui.selection import AGENT, Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.attention.digest import Digest, DigestRow
    from gastown_tui.console import Console
    from gastown_tui.controllers.navigation import Navigation
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

NOTED_S = 60.0
"""A look is noted on disk at most this often."""
FIRST_S = 24 * 3600.0
"""How far the digest goes back where nobody has looked before."""
START_S = 2.0
"""The console tells what happened before it was started once its first picture is complete."""


class Away:
    """Notes when the operator looks, and shows the digest after an absence."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage, navigation: Navigation) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.navigation = navigation
        self.since = 0.0
        self._pressed_at = 0.0
        self._noted_at = 0.0
        self._is_opening = False
        """The digest of an absence is being read: until it stands, no key acts."""

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the digest's actions, by action id."""
        return {"digest.open": lambda: self.open("")}

    def start(self) -> None:
        """Note the start; a little later, say in a line what happened since the console was last used."""
        self.since = self.calls.last_look()
        self._pressed_at = self.console.now
        if self.since:
            self.stage.drawer.screen.set_timer(START_S, self._greet, name="digest")
        else:
            self.note()

    def note(self) -> None:
        """Note that the operator looks now."""
        self._noted_at = self.console.now
        self.calls.note_look(self._noted_at)

    def pressed(self) -> bool:
        """Take note of a key; return whether it only ended an absence: then it must not act on rows that have moved."""
        now, before = self.console.now, self._pressed_at
        self._pressed_at = now
        if now - self._noted_at >= NOTED_S:
            self.note()
        if self._is_opening:
            return True
        if now - before < NOTED_S:
            return False
        after = self.calls.away_after()
        if not after or now - before < after:
            return False
        self.since = before
        self._is_opening = True
        self.open(f"You were away for {format_span(now - before)}; the key did nothing else.")
        return True

    def open(self, why: str) -> str:
        """Show the digest since the last look; ``why`` stands above it."""
        self.console.prepare(self._show(why), "digest")
        return ""

    def _greet(self) -> None:
        self.console.start(self._say(), "greeting", exclusive=True)

    async def _say(self) -> None:
        after = await asyncio.to_thread(self.calls.away_after)
        if not after or self.console.now - self.since < after:
            return
        found = await self._read()
        self.note()
        if found is not None and found.rows:
            ago = format_span(self.console.now - self.since)
            self.console.say(
                f"since you looked {ago} ago: {found.summary}; {self.console.key_of('digest.open')} lists it", "info"
            )

    async def _read(self) -> Digest | None:
        now = self.console.now
        try:
            return await asyncio.to_thread(self.calls.digest, self.since or now - FIRST_S, self.console.snapshot, now)
        except GastownError as error:
            self.console.say(f"the digest cannot be read: {error}", "bad")
            return None

    async def _show(self, why: str) -> None:
        from gastown_tui.dialogs.digest import digest_picker

        try:
            found = await self._read()
        finally:
            self._is_opening = False
        if found is not None:
            self.console.ask(digest_picker(found, why), self._chosen)

    def _chosen(self, row: DigestRow | None) -> None:
        if row is None:
            return
        if row.kind:
            if not self.navigation.go_to_event(row.at, row.kind):
                self.console.say("this event has left the log", "dim")
            return
        agent = next((one for one in self.console.snapshot.agents if one.address.short == row.who), None)
        if agent is not None:
            self.navigation.go_to(Selection(AGENT, "", agent.key))
        elif self.stage.view != "inbox":
            self.navigation.toggle_inbox()
