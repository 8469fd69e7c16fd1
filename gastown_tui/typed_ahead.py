"""Typing ahead: keys take effect one after the other, however fast they come.

Textual passes a key on before the one before it has had its effect, so that a macro's text reaches the panel below while
the dialog that its first key opens is still being made.  Here a key waits until the one before has been handled and what
that one opens has the keys.  A key that is refused ends the burst: its text was meant for what did not open.
A terminal hands a long text over in parts, so what follows a dropped part at once is the rest of it.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Protocol

from textual.app import App, ScreenError
from textual.events import Event, Key, Paste

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.screen import Screen
    from textual.timer import Timer

LOST_S = 1.0
"""A key whose end is not heard of for so long went to a widget that is gone."""
PATIENCE_S = 0.3
"""Esc that comes so long after the key whose dialog is being prepared gives up what was typed, and is no part of it."""
PART, PART_S = 32, 0.25
"""So many keys that waited are no hand's, and what comes within so many seconds of the last of them belongs to them."""
AT_ONCE = "ctrl+q"
"""The key that waits for nothing."""


class Standing(Protocol):
    """A screen that says from when on it takes keys."""

    stands: bool
    takes_typed_ahead: bool


class TypedAhead:
    """The keys and pastes that wait; ``say`` shows a message to the operator."""

    def __init__(self, app: App[Any], say: Callable[[str, str], None]) -> None:
        self._app = app
        self._say = say
        self._held: deque[Key | Paste] = deque()
        self._under_way: Key | Paste | None = None
        self._preparing: object = None
        self._prepared_at = 0.0
        self._dropped_at = 0.0
        self._watch: Timer | None = None

    @property
    def is_idle(self) -> bool:
        """Whether every key has had its effect."""
        return self._under_way is None and not self._held and self._preparing is None

    # the app's events

    def keeps(self, event: Event) -> bool:
        """Whether an event is a key that has to wait; it is passed on later, then with False."""
        if not isinstance(event, Key | Paste) or event.is_forwarded or event is self._under_way:
            return False
        if self._app._exit:
            return True
        if isinstance(event, Key) and event.key == AT_ONCE:
            return False
        if isinstance(event, Key) and event.time - self._dropped_at < PART_S:
            self._dropped_at = event.time
            return True
        if self._preparing is not None and self._gives_up(event):
            self._preparing = None
            self.drop("Esc: it opens when it can")
            return True
        if self._held or self._under_way is not None or self._preparing is not None or not self._has_keys():
            self._hold(event)
            return True
        self._under_way = event
        return False

    def _gives_up(self, event: Key | Paste) -> bool:
        is_escape = isinstance(event, Key) and event.key in ("escape", "ctrl+c")
        return is_escape and event.time - self._prepared_at > PATIENCE_S

    def _has_keys(self) -> bool:
        screen = self._screen()
        return screen is not None and getattr(screen, "stands", True)

    def _screen(self) -> Screen[Any] | None:
        try:
            return self._app.screen
        except ScreenError:
            return None

    def _hold(self, event: Key | Paste) -> None:
        self._held.append(event)
        if self._watch is None:
            seen = self._under_way
            self._watch = self._app.set_timer(LOST_S, lambda: self._look(seen), name="typed ahead")

    def _look(self, seen: Key | Paste | None) -> None:
        """While keys wait, once a second: go on without a key that was lost, or say what they wait for."""
        self._watch = None
        if not self._held:
            return
        if seen is not None and seen is self._under_way:
            self.go_on()
        elif self._preparing is not None:
            self._say("what you type waits for the dialog; Esc drops it", "dim")
        self._watch = self._app.set_timer(LOST_S, lambda now=self._under_way: self._look(now), name="typed ahead")

    def passed(self, event: Event) -> None:
        """The app has dealt with an event; if it did not pass it on to a widget, that is its end."""
        if not event.is_forwarded:
            self.handled(event)

    # told by the parts of the console

    def handled(self, event: Event) -> None:
        """A key has had its effect; what that asked of the app, such as the focus of a field, comes before the next one."""
        if event is self._under_way:
            self.go_on()

    def mounted(self, screen: Standing) -> None:
        """A screen is complete, and has asked for the focus; one that is to be seen first takes no key from before."""
        self._app.call_later(self._stands_now, screen)

    def go_on(self) -> None:
        """Pass on what waits, if nothing stands before it, after all that the app has been asked for until now."""
        self._app.call_later(self._go_on)

    async def _stands_now(self, screen: Standing) -> None:
        screen.stands = True
        if not screen.takes_typed_ahead:
            self._drop_all()
        if self._under_way is None:
            await self._go_on()

    async def _go_on(self) -> None:
        self._under_way = None
        if self._preparing is None and self._held and self._has_keys():
            self._under_way = self._held.popleft()
            await self._app.on_event(self._under_way)

    def drop(self, why: str) -> None:
        """Say why a key did nothing, and drop what was typed behind it."""
        count = self._drop_all()
        many = "1 key" if count == 1 else f"{count} keys"
        self._say(f"{why} · {many} typed after it dropped" if count else why, "warn")

    def _drop_all(self) -> int:
        """Drop what waits, and the rest of a long text still to come; return how many waited."""
        count = len(self._held)
        self._held.clear()
        if count >= PART:
            self._dropped_at = time.monotonic()
        return count

    # dialogs that need facts first

    def opened(self) -> None:
        """A dialog opens: what is typed goes there once it stands."""
        self._preparing = None

    def prepared(self, work: Coroutine[object, object, None]) -> Coroutine[object, object, None]:
        """Return work that opens a dialog, such that what is typed meanwhile waits for it; if none opens, it is dropped."""
        token = self._preparing = object()
        self._prepared_at = time.monotonic()
        return self._prepare(token, work)

    async def _prepare(self, token: object, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        finally:
            if self._preparing is token:
                self._preparing = None
                self._drop_all()
