"""The console's app: it owns the live model, the look and the preferences, and keeps the main screen up to date."""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import contextmanager
from functools import partial
from typing import ClassVar

from textual.app import App, SuspendNotSupported
from textual.binding import Binding, BindingType

from gastown_core.errors import GastownError, UsageError
from gastown_core.state.rows import NO_FILTER
from gastown_tui.boundary import Bounded, Faults, fault_of
from gastown_tui.console_file import THEME_NAMES, ConsoleSettings, near
from gastown_tui.import_shims import come_back
from gastown_tui.keymap import Keymap
from gastown_tui.last_picture import keep_picture, picture_of
from gastown_tui.preferences import Preferences, load_preferences, save_preferences
from gastown_tui.screens.feed import FeedScreen
from gastown_tui.text import title_sequence
from gastown_tui.themes import AUTO, THEMES, Look, theme_of, wanted_theme, wants_ascii, wants_colour
from gastown_tui.typed_ahead import AT_ONCE, TypedAhead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from textual.events import Event
    from textual.screen import Screen

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.state.live import LiveTown
    from gastown_core.state.rows import EventFilter
    from gastown_tui.console import Answer
    from gastown_tui.core_calls import CoreCalls

PICTURE_S = 10.0
SETTLED_S = 3.0
"""How long after the start modules and first rows are there that stay to the end."""
AGAIN_S = 1.0
"""How long to wait after a fault in the live model before subscribing to its updates again."""
CSS_THEME = "dark"
"""The theme whose background is set in the style sheet."""

come_back()


class FeedApp(Bounded, App[int], inherit_bindings=False):
    """The console over a live town; ``live_factory`` makes the model inside the app's event loop."""

    CSS_PATH = os.path.join(os.path.dirname(__file__), "styles", "console.tcss")
    ENABLE_COMMAND_PALETTE = False
    TITLE = "GT Feed"
    BINDINGS: ClassVar[list[BindingType]] = [Binding(AT_ONCE, "leave", show=False, priority=True)]

    def __init__(
        self,
        live_factory: Callable[[], LiveTown],
        *,
        calls: CoreCalls,
        problems: bool = False,
        initial_filter: EventFilter = NO_FILTER,
        preferences: Preferences | None = None,
        environ: Mapping[str, str] | None = None,
        theme: str = "",
        readonly: bool = False,
    ) -> None:
        environ = os.environ if environ is None else environ
        colour = wants_colour(environ)
        super().__init__(ansi_color=None if colour else True)
        self.animation_level = "none"
        self.kept = preferences or Preferences()
        self._first_theme, self._environment_theme = theme, environ.get("GT_THEME", "")
        self._theme = wanted_theme(theme, self.kept.theme, self._environment_theme)
        self._is_light = False
        self.look = Look(theme_of(self._theme), colour=colour, ascii_only=wants_ascii(environ))
        self.keymap = Keymap()
        self._first_readonly = readonly
        self.calls = calls
        self.first_filter = initial_filter if initial_filter != NO_FILTER else self.kept.event_filter
        self._live_factory = live_factory
        self._first_view = "problems" if problems else "feed"
        self._picture_at = 0.0
        self._stands, self._title = False, ""
        self.faults = Faults()
        self.typed = TypedAhead(self, self.say)
        self.live: LiveTown
        self.settings: ConsoleSettings

    # life

    async def on_load(self) -> None:
        """Start the model first, so that the first frame is complete."""
        self.live = self._live_factory()
        self.settings = ConsoleSettings(self.live.root)
        await self.live.start()
        self.calls.is_readonly = self.is_readonly
        self._look_at_settings()

    def get_default_screen(self) -> Screen[None]:
        """Return the main screen, the bottom of the screen stack."""
        self.feed = FeedScreen(
            self,
            self.calls,
            self.kept,
            keymap=self.keymap,
            commands=lambda: self.settings.good.commands,
            view=self._first_view,
            first_filter=self.first_filter,
            actions={
                "help.open": self.open_help,
                "log.open": self.open_log,
                "settings.open": self.open_settings,
                "theme.next": self.next_theme,
                "quit": self.ask_to_leave,
            },
        )
        return self.feed

    def begin(self) -> None:
        """Start taking updates and tick once a second; called when the main screen is mounted."""
        self._stands = True
        # the terminal may have told its background before the screen stood
        theme = theme_of(self._theme, is_light=self._is_light)
        self.look = Look(theme, colour=self.look.colour, ascii_only=self.look.ascii_only)
        if self.look.theme.name != CSS_THEME:
            self._paint_ground()
        if self.settings.problems:
            self.call_after_refresh(self._tell_settings)
        self.start(self._take_updates(), "live")
        self._tick_later()
        # what start-up made stays: the collector need not walk through all of it in the middle of an update
        self.call_after_refresh(gc.freeze)
        self.set_timer(SETTLED_S, gc.freeze)

    async def on_unmount(self) -> None:
        """Close the live model."""
        gc.unfreeze()
        if hasattr(self, "live"):
            await self.live.close()

    async def _take_updates(self) -> None:
        while True:
            try:
                async for update in self.live.updates():
                    self.feed.arrived(update)
                return
            except Exception as error:  # noqa: BLE001  one faulty update must not end the updates
                self.fault("updates", error)
            await asyncio.sleep(AGAIN_S)

    async def on_event(self, event: Event) -> None:
        """Keys wait for what the keys before them open."""
        if not self.typed.keeps(event):
            await super().on_event(event)
            self.typed.passed(event)

    # faults

    def fault(self, where: str, error: Exception) -> None:
        """Record and show an exception of one part. Before the main screen is mounted, end the app instead."""
        if not self._stands:
            super()._handle_exception(error)
        else:
            found = fault_of(where, error, self.now)
            if self.faults.take(found, self.live.root):
                self.say(f"{where}: {found.words}; {self.key_of('log.open')} shows details", "bad")

    def _handle_exception(self, error: Exception) -> None:
        """Textual's last resort for timers, callbacks, workers and the compositor, which no boundary covers."""
        self.fault("console", error)

    @property
    def snapshot(self) -> TownSnapshot:
        """The latest snapshot of the town."""
        return self.live.snapshot

    @property
    def now(self) -> float:
        """The current time, by the model's clock."""
        return self.live.clock.now()

    def on_app_focus(self) -> None:
        """The terminal has the focus again: show the digest if it was away for long."""
        if self._stands and self.screen is self.feed:
            self.feed.away.pressed()

    def _tick_later(self) -> None:
        self.set_timer(1.0 - self.now % 1.0 + 0.002, self._tick, name="tick")

    def _tick(self) -> None:
        """Once a second: recheck states that time alone changes, update ages, save the picture when it is due."""
        # schedule the next tick first: if anything below fails, the clock goes on
        self._tick_later()
        if self._look_at_settings():
            self._tell_settings()
        self.feed.tick(changed=self.live.recheck())
        if self.now - self._picture_at >= PICTURE_S:
            self._picture_at = self.now
            self.keep_picture()

    # the protocol ``Console``

    @property
    def ascii_only(self) -> bool:
        """Whether to use ASCII only."""
        return self.look.ascii_only

    @property
    def is_readonly(self) -> bool:
        """Whether the console refuses everything that changes the town: by ``--readonly``, or by its settings."""
        return self._first_readonly or self.settings.good.is_readonly

    def key_of(self, action: str) -> str:
        """The key in force of an action, as it is written; without a key, its way through the palette."""
        return self.keymap.key_of(action, self.ascii_only)

    def show_all(self) -> None:
        """Update everything from the snapshot and the time."""
        self.feed.show_all()

    def inspect(self) -> None:
        """Show the selection in the drawer."""
        self.feed.inspect()

    def lay_out(self) -> None:
        """Lay out again if the scene changed."""
        self.feed.lay_out()

    def ask(self, dialog: Screen[Answer], answered: Callable[[Answer | None], None]) -> None:
        """Open a dialog; ``answered`` gets its answer, or None if it was cancelled."""
        self.typed.opened()
        self.push_screen(dialog, answered)

    def prepare(self, work: Coroutine[object, object, None], group: str) -> None:
        """Run work that opens a dialog, in place of the group's earlier work; what is typed meanwhile waits for it."""
        self.start(self.typed.prepared(work), group, exclusive=True)

    def start(self, work: Coroutine[object, object, None], group: str, *, exclusive: bool = False) -> None:
        """Run work in the background; ``exclusive`` cancels the group's earlier work."""
        self.run_worker(work, group=group, exclusive=exclusive, exit_on_error=True)

    def start_thread(self, work: Callable[[], None], group: str) -> None:
        """Run blocking work in a thread."""
        self.run_worker(work, thread=True, group=group, exit_on_error=True)

    def from_thread(self, tell: Callable[..., object], *facts: object) -> None:
        """Call ``tell`` with ``facts`` in the app's thread, and wait for it."""
        self.call_from_thread(tell, *facts)

    def terminal_is_back(self) -> None:
        """Draw everything anew: another program may have written anywhere."""
        if self._stands:
            self.refresh(layout=True)
            self._display(self.screen, self.screen._compositor.render_update(full=True))

    @contextmanager
    def lend_terminal(self) -> Iterator[None]:
        """Suspend the console while another program has the terminal. Raises SuspendNotSupported."""
        with self.suspend():
            yield
        self.terminal_is_back()

    def say(self, text: str, tone: str = "warn") -> None:
        """Show a message in the status bar."""
        self.feed.say(text, tone)

    def ring(self) -> None:
        """Ring the terminal's bell."""
        self.bell()

    def name_terminal(self, words: str) -> None:
        """Show words as the terminal's title, if they are new; control characters never reach the terminal."""
        if words != self._title and self._driver is not None:
            self._title = words
            self._driver.write(title_sequence(words))

    def show_receipt(self, text: str, stages: Sequence[str], *, is_done: bool, failure: str = "") -> None:
        """Show the stages of an order in the status bar."""
        self.feed.status.show_receipt(text, stages, is_done=is_done, failure=failure, now=self.now)

    def copy(self, text: str) -> None:
        """Ask the terminal to put a text into its clipboard (OSC 52; Textual encodes it, so it cannot hold an escape)."""
        self.copy_to_clipboard(text)

    def edit_text(self, text: str) -> tuple[str, str]:
        """Let the person write a text in the editor of VISUAL or EDITOR; return what was saved, and what went wrong."""
        try:
            with self.lend_terminal():
                return self.calls.edit(text), ""
        except (GastownError, SuspendNotSupported) as error:
            return text, str(error) or "this terminal cannot be lent to an editor"

    def open_help(self) -> None:
        """Open the help."""
        from gastown_tui.dialogs.help import HelpScreen

        self.push_screen(HelpScreen(self.keymap))

    def open_log(self) -> None:
        """Open the log of the commands that the console ran."""
        from gastown_tui.dialogs.command_log import CommandLogScreen

        copy = partial(self.feed.clipboard.take, "error report")
        self.push_screen(CommandLogScreen(self.calls.command_log(), self.faults.entries, self.now, copy))

    def open_settings(self) -> None:
        """Show what the console's settings file changes, and its mistakes."""
        from gastown_tui.dialogs.settings_page import SettingsScreen

        self.push_screen(SettingsScreen(self.settings, readonly=self.is_readonly))

    # settings/console.toml

    def _look_at_settings(self) -> bool:
        """Put the settings file in force if it has changed; return whether it had."""
        if not self.settings.look():
            return False
        good = self.settings.good
        self.keymap.take(good.actions)
        self.calls.is_readonly = self.is_readonly
        self._theme = wanted_theme(self._first_theme, good.theme, self.kept.theme, self._environment_theme)
        if self._stands:
            self.feed.bind_keys()
            self.paint_theme()
        else:
            self.look = Look(theme_of(self._theme), colour=self.look.colour, ascii_only=self.look.ascii_only)
        return True

    def _tell_settings(self) -> None:
        problems = self.settings.problems
        more = f" (and {len(problems) - 1} more: {self.keymap.key_of('settings.open')})" if len(problems) > 1 else ""
        if problems:
            self.say(f"{problems[0].text}{more}", "bad")
        else:
            self.say("settings/console.toml is in force", "good")

    # themes

    def background_told(self, is_light: bool) -> None:
        """Take what the terminal says of its background; the theme ``auto`` follows it."""
        self._is_light = is_light
        if self._stands:
            self.paint_theme()

    def next_theme(self) -> None:
        """Switch to the next theme."""
        names = list(THEMES)
        self.set_theme(names[(names.index(self.look.theme.name) + 1) % len(names)])

    def set_theme(self, name: str) -> None:
        """Switch to a theme and remember it."""
        self._theme = self.kept.theme = name
        self.paint_theme()
        words = "theme " + (THEMES[name].label.lower() if name != AUTO else "follows the terminal")
        self.say(words if self.look.colour else f"{words}, but colour is off (NO_COLOR)", "dim")

    def paint_theme(self) -> None:
        """Paint everything in the theme that is wanted now, if it is another one than before."""
        theme = theme_of(self._theme, is_light=self._is_light)
        if theme is self.look.theme:
            return
        self.look = Look(theme, colour=self.look.colour, ascii_only=self.look.ascii_only)
        self._paint_ground()
        self.feed.refresh()
        for child in self.feed.children:
            child.refresh()
        self.feed.show_all()

    def _paint_ground(self) -> None:
        if self.look.colour:
            self.feed.styles.background = self.look.theme.grounds[""]

    # quitting

    def action_leave(self) -> None:
        """Quit, even while a dialog is open."""
        self.leave()

    def ask_to_leave(self) -> None:
        """Quit; while tasks run, ask first: they end with the console."""
        self.feed.tasks.end_then(self.leave)

    def leave(self) -> None:
        """Cancel what runs, save the preferences and the last picture, then exit."""
        self.feed.tasks.cancel_all()
        try:
            self.feed.away.note()
            self.keep_choices()
            self.keep_picture()
        finally:
            self.exit(0)

    def keep_choices(self) -> None:
        """Save layout, theme and filter; if the town is not writable, they are silently lost."""
        self.choose()
        try:
            save_preferences(self.live.root, self.kept)
        except (GastownError, OSError):
            return

    def choose(self) -> None:
        """Copy the current layout into the preferences."""
        self.feed.remember(self.kept)

    def keep_picture(self) -> None:
        """Save what is on the screen as the first frame of the next start."""
        keep_picture(self.live.root, picture_of(self.feed.sheets(), self.size, self.now))


def run_feed(
    root: str,
    *,
    problems: bool = False,
    initial_filter: EventFilter = NO_FILTER,
    is_prepainted: bool = False,
    theme: str = "",
    readonly: bool = False,
) -> int:
    """Open the console on the town at ``root`` until the operator leaves; returns the exit code. Raises UsageError for an unknown theme.

    ``is_prepainted``: the alternate screen already shows the last picture; paint over it instead of clearing it.
    """
    if theme and theme not in THEME_NAMES:
        raise UsageError(f"there is no theme {theme}", "", near(theme, THEME_NAMES))
    for word in ("COLUMNS", "LINES"):
        # a parent process sets these for its own window, and Textual and rich trust them more than the terminal
        os.environ.pop(word, None)
    from gastown_core.state.live import LiveTown
    from gastown_tui.core_calls import CoreCalls

    app = FeedApp(
        lambda: LiveTown(root),
        calls=CoreCalls(root),
        problems=problems,
        initial_filter=initial_filter,
        preferences=load_preferences(root),
        theme=theme,
        readonly=readonly,
    )
    if os.name == "posix":
        from gastown_tui.driver import console_driver

        app.driver_class = console_driver(is_prepainted=is_prepainted)
    status = app.run()
    return app.return_code or status or 0
