"""What the parts of the console may ask of the whole.

Controllers and the main screen know this protocol, never the app: it imports nothing of the console, so none of them
can come round to it again.  What belongs to one panel is that panel's; only what crosses panels stands here.
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

Answer = TypeVar("Answer")


class Console(Protocol):
    """The app, as its parts see it."""

    live: LiveTown

    # facts

    @property
    def snapshot(self) -> TownSnapshot:
        """The town as it is known now."""

    @property
    def now(self) -> float:
        """The time, by the model's clock."""

    @property
    def ascii_only(self) -> bool:
        """Whether the terminal shows ASCII alone."""

    # words to the operator

    def say(self, text: str, tone: str = "warn") -> None:
        """A word in the status line."""

    def show_receipt(self, text: str, stages: Sequence[str], *, is_done: bool, failure: str = "") -> None:
        """The stages of an act in the status line."""

    def fault(self, where: str, error: Exception) -> None:
        """An exception of one part: it is kept and said, and the console goes on."""

    # what is shown

    def begin(self) -> None:
        """The main screen stands: updates may come."""

    def show_all(self) -> None:
        """Everything anew, from the snapshot and the time."""

    def inspect(self) -> None:
        """The drawer shows what is chosen."""

    def lay_out(self) -> None:
        """Lay out anew if the scene changed."""

    def set_theme(self, name: str) -> None:
        """Paint everything in another theme, and remember it."""

    # dialogs, work in the background, the terminal

    def ask(self, dialog: Screen[Answer], answered: Callable[[Answer | None], None]) -> None:
        """Put a dialog in front; ``answered`` gets its answer, None if it was left without one."""

    def start(self, work: Coroutine[object, object, None], group: str, *, exclusive: bool = False) -> None:
        """Begin work beside the screen; ``exclusive`` work ends what the group does already."""

    def start_thread(self, work: Callable[[], None], group: str) -> None:
        """Begin work that blocks, in a thread."""

    def from_thread(self, tell: Callable[..., object], *facts: object) -> None:
        """Call ``tell`` with these facts in the app's own thread, and wait for it."""

    def lend_terminal(self) -> AbstractContextManager[None]:
        """Give the terminal to another program inside the block. Raises SuspendNotSupported where that cannot be."""
