"""Text into an agent, never into a shell. (signatures first)"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer


def sanitize(text: str) -> str:
    """``text`` with tabs as spaces, LF kept, and every other control character (ESC too) dropped."""
    raise NotImplementedError


def deliver(
    server: TmuxServer,
    pane: Pane,
    text: str,
    *,
    submit_key: str = "Enter",
    escape_first: bool = False,
    is_agent: Callable[[int, str], bool],
    pause_s: float = 0.05,
) -> Iterator[str]:
    """Paste ``text`` and submit it; yields ``typed`` and ``submitted`` as they happen.

    ``is_agent(pane pid, foreground command)`` is asked right before each keystroke.  Raises DeliveryError, with
    nothing typed, if the pane is dead or its foreground is not the agent; TmuxError if tmux fails.
    """
    raise NotImplementedError
    yield ""
