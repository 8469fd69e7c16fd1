"""The console's app: it holds the live model, the look and the choices, and keeps the one screen true."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from gastown_core.errors import GastownError
from gastown_core.state.rows import NO_FILTER
from gastown_tui.boundary import Bounded, Faults, fault_of
from gastown_tui.import_shims import come_back
from gastown_tui.last_picture import keep_picture, picture_of
from gastown_tui.preferences import Preferences, load_preferences, save_preferences
from gastown_tui.screens.feed import FeedScreen
from gastown_tui.themes import THEMES, Look, choose_theme, wants_ascii, wants_colour

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from contextlib import AbstractContextManager

    from textual.screen import Screen

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.state.live import LiveTown
    from gastown_core.state.rows import EventFilter
    from gastown_tui.console import Answer
    from gastown_tui.core_calls import CoreCalls

PICTURE_S = 10.0
AGAIN_S = 1.0
"""How long after a fault of the live model its updates are asked for again."""
CSS_THEME = "dark"
"""The theme whose ground stands in the style sheet."""

come_back()


class FeedApp(Bounded, App[int], inherit_bindings=False):
    """The console over a live town; ``live_factory`` makes the model inside the app's event loop."""

    CSS_PATH = os.path.join(os.path.dirname(__file__), "styles", "console.tcss")
    ENABLE_COMMAND_PALETTE = False
    TITLE = "GT Feed"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", show=False, priority=True)]

    def __init__(
        self,
        live_factory: Callable[[], LiveTown],
        *,
        calls: CoreCalls,
        problems: bool = False,
        initial_filter: EventFilter = NO_FILTER,
        preferences: Preferences | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        colour = wants_colour(environ)
        super().__init__(ansi_color=None if colour else True)
        self.animation_level = "none"
        self.kept = preferences or Preferences()
        self.look = Look(choose_theme(self.kept.theme, environ), colour=colour, ascii_only=wants_ascii(environ))
        self.calls = calls
        self.first_filter = initial_filter if initial_filter != NO_FILTER else self.kept.event_filter
        self._live_factory = live_factory
        self._first_view = "problems" if problems else "feed"
        self._picture_at = 0.0
        self._stands = False
        self.faults = Faults()
        self.live: LiveTown

    # life

    async def on_load(self) -> None:
        """The whole model first, so that the first frame is the full picture."""
        self.live = self._live_factory()
        await self.live.start()

    def get_default_screen(self) -> Screen[None]:
        """The town is the screen at the bottom."""
        self.feed = FeedScreen(
            self,
            self.calls,
            self.kept,
            view=self._first_view,
            first_filter=self.first_filter,
            actions={
                "help.open": self.open_help,
                "log.open": self.open_log,
                "theme.next": self.next_theme,
                "quit": self.leave,
            },
        )
        return self.feed

    def begin(self) -> None:
        """The main screen stands: take in updates, and tick once a second."""
        self._stands = True
        if self.look.theme.name != CSS_THEME:
            self._paint_ground()
        self.run_worker(self._take_updates(), group="live", exit_on_error=True)
        self._tick_later()

    async def on_unmount(self) -> None:
        """Let go of the town."""
        if hasattr(self, "live"):
            await self.live.close()

    async def _take_updates(self) -> None:
        while True:
            try:
                async for update in self.live.updates():
                    self.feed.arrived(update)
                return
            except Exception as error:  # noqa: BLE001  one update that cannot be taken must not be the last one
                self.fault("updates", error)
            await asyncio.sleep(AGAIN_S)

    # what goes wrong

    def fault(self, where: str, error: Exception) -> None:
        """An exception of one part: it is kept and said, and the console goes on. Before the screen stands it ends."""
        if not self._stands:
            super()._handle_exception(error)
        else:
            found = fault_of(where, error, self.now)
            if self.faults.take(found, self.live.root):
                self.say(f"{where}: {found.words}; L tells more", "bad")

    def _handle_exception(self, error: Exception) -> None:
        """Textual's last net, for timers, call-backs, workers and the compositor, which have no handler's boundary."""
        self.fault("console", error)

    @property
    def snapshot(self) -> TownSnapshot:
        """The town as it is known now."""
        return self.live.snapshot

    @property
    def now(self) -> float:
        """The time, by the model's clock."""
        return self.live.clock.now()

    def _tick_later(self) -> None:
        self.set_timer(1.0 - self.now % 1.0 + 0.002, self._tick, name="tick")

    def _tick(self) -> None:
        """Once a second: states move by waiting alone, ages grow, the last picture is kept."""
        # first the next tick: whatever fails in this one, the clock goes on
        self._tick_later()
        self.feed.tick(changed=self.live.recheck())
        if self.now - self._picture_at >= PICTURE_S:
            self._picture_at = self.now
            self.keep_picture()

    # what the parts ask for (the protocol ``Console``)

    @property
    def ascii_only(self) -> bool:
        """Whether the terminal shows ASCII alone."""
        return self.look.ascii_only

    def show_all(self) -> None:
        """Everything anew, from the snapshot and the time."""
        self.feed.show_all()

    def inspect(self) -> None:
        """The drawer shows what is chosen."""
        self.feed.inspect()

    def lay_out(self) -> None:
        """Lay out anew if the scene changed."""
        self.feed.lay_out()

    def ask(self, dialog: Screen[Answer], answered: Callable[[Answer | None], None]) -> None:
        """Put a dialog in front; ``answered`` gets its answer, None if it was left without one."""
        self.push_screen(dialog, answered)

    def start(self, work: Coroutine[object, object, None], group: str, *, exclusive: bool = False) -> None:
        """Begin work beside the screen; ``exclusive`` work ends what the group does already."""
        self.run_worker(work, group=group, exclusive=exclusive, exit_on_error=True)

    def start_thread(self, work: Callable[[], None], group: str) -> None:
        """Begin work that blocks, in a thread."""
        self.run_worker(work, thread=True, group=group, exit_on_error=True)

    def from_thread(self, tell: Callable[..., object], *facts: object) -> None:
        """Call ``tell`` with these facts in the app's own thread, and wait for it."""
        self.call_from_thread(tell, *facts)

    def lend_terminal(self) -> AbstractContextManager[None]:
        """Give the terminal to another program inside the block. Raises SuspendNotSupported where that cannot be."""
        return self.suspend()

    def say(self, text: str, tone: str = "warn") -> None:
        """A word in the status line."""
        self.feed.say(text, tone)

    def show_receipt(self, text: str, stages: Sequence[str], *, is_done: bool, failure: str = "") -> None:
        """The stages of an act in the status line."""
        self.feed.status.show_receipt(text, stages, is_done=is_done, failure=failure, now=self.now)

    def open_help(self) -> None:
        """The page of keys."""
        from gastown_tui.dialogs.help import HelpScreen

        self.push_screen(HelpScreen())

    def open_log(self) -> None:
        """The commands that ran."""
        from gastown_tui.dialogs.command_log import CommandLogScreen

        self.push_screen(CommandLogScreen(self.calls.command_log(), self.faults.entries, self.now))

    def next_theme(self) -> None:
        """The next of the themes."""
        names = list(THEMES)
        self.set_theme(names[(names.index(self.look.theme.name) + 1) % len(names)])

    def set_theme(self, name: str) -> None:
        """Paint everything in another theme, and remember it."""
        self.look = Look(THEMES[name], colour=self.look.colour, ascii_only=self.look.ascii_only)
        self.kept.theme = name
        self._paint_ground()
        self.feed.refresh()
        for child in self.feed.children:
            child.refresh()
        self.feed.show_all()
        words = f"theme {THEMES[name].label.lower()}"
        self.say(words if self.look.colour else f"{words}, but colour is off (NO_COLOR)", "dim")

    def _paint_ground(self) -> None:
        if self.look.colour:
            self.feed.styles.background = self.look.theme.grounds[""]

    # leaving

    def action_leave(self) -> None:
        """Leave, whatever is in front."""
        self.leave()

    def leave(self) -> None:
        """Remember the choices, keep the last picture, go."""
        try:
            self.keep_choices()
            self.keep_picture()
        finally:
            self.exit(0)

    def keep_choices(self) -> None:
        """Remember layout, theme and filter; a town that cannot be written forgets them, without harm."""
        self.choose()
        try:
            save_preferences(self.live.root, self.kept)
        except (GastownError, OSError):
            return

    def choose(self) -> None:
        """Take the layout as it is for the choice."""
        self.feed.remember(self.kept)

    def keep_picture(self) -> None:
        """Save what is on the screen for the next start's first frame."""
        keep_picture(self.live.root, picture_of(self.feed.sheets(), self.size, self.now))


def run_feed(
    root: str, *, problems: bool = False, initial_filter: EventFilter = NO_FILTER, is_prepainted: bool = False
) -> int:
    """Open the console on the town at ``root`` until the operator leaves; returns the exit code.

    ``is_prepainted``: the alternate screen is on already and shows the last picture; it is drawn over, not cleared.
    """
    for word in ("COLUMNS", "LINES"):
        # words of a parent process about its own window, which Textual and rich would believe before the terminal
        os.environ.pop(word, None)
    from gastown_core.state.live import LiveTown
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.driver import console_driver

    app = FeedApp(
        lambda: LiveTown(root),
        calls=CoreCalls(root),
        problems=problems,
        initial_filter=initial_filter,
        preferences=load_preferences(root),
    )
    app.driver_class = console_driver(is_prepainted=is_prepainted)
    status = app.run()
    return app.return_code or status or 0
