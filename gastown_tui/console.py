"""The protocol that the console's parts use to reach the app.

Controllers and the main screen import this protocol, never the app, so there is no import cycle.  It has only what
crosses panels; everything else belongs to one panel.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from contextlib import AbstractContextManager

    from textual.screen import Screen

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.state.live import LiveTown
    from gastown_tui.typed_ahead import TypedAhead

Answer = TypeVar("Answer")


class Console(Protocol):
    """The app as its parts see it."""

    live: LiveTown
    typed: TypedAhead

    # facts

    @property
    def snapshot(self) -> TownSnapshot:
        """The latest snapshot of the town."""

    @property
    def now(self) -> float:
        """The current time, by the model's clock."""

    @property
    def ascii_only(self) -> bool:
        """Whether to use ASCII only."""

    @property
    def is_readonly(self) -> bool:
        """Whether the console refuses everything that changes the town."""

    def key_of(self, action: str) -> str:
        """The key in force of an action, as it is written; without a key, its way through the palette."""

    # messages to the operator

    def say(self, text: str, tone: str = "warn") -> None:
        """Show a message in the status bar."""

    def show_receipt(self, text: str, stages: Sequence[str], *, is_done: bool, failure: str = "") -> None:
        """Show the stages of an order in the status bar."""

    def fault(self, where: str, error: Exception) -> None:
        """Record and show an exception of one part, and go on."""

    def ring(self) -> None:
        """Ring the terminal's bell."""

    def name_terminal(self, words: str) -> None:
        """Show words as the terminal's title."""

    def copy(self, text: str) -> None:
        """Ask the terminal to put a text into its clipboard."""

    # the screen

    def begin(self) -> None:
        """Start taking updates; the main screen calls it when it is mounted."""

    def show_all(self) -> None:
        """Update everything from the snapshot and the time."""

    def inspect(self) -> None:
        """Show the selection in the drawer."""

    def lay_out(self) -> None:
        """Lay out again if the scene changed."""

    def set_theme(self, name: str) -> None:
        """Switch to a theme and remember it."""

    # dialogs, background work, the terminal

    def ask(self, dialog: Screen[Answer], answered: Callable[[Answer | None], None]) -> None:
        """Open a dialog; ``answered`` gets its answer, or None if it was cancelled."""

    def prepare(self, work: Coroutine[object, object, None], group: str) -> None:
        """Run work that opens a dialog, in place of the group's earlier work; what is typed meanwhile waits for it."""

    def start(self, work: Coroutine[object, object, None], group: str, *, exclusive: bool = False) -> None:
        """Run work in the background; ``exclusive`` cancels the group's earlier work."""

    def start_thread(self, work: Callable[[], None], group: str) -> None:
        """Run blocking work in a thread."""

    def from_thread(self, tell: Callable[..., object], *facts: object) -> None:
        """Call ``tell`` with ``facts`` in the app's thread, and wait for it."""

    def lend_terminal(self) -> AbstractContextManager[None]:
        """Suspend the console while another program has the terminal. Raises SuspendNotSupported."""
