"""Which program runs in a pane. (signatures first)"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.tmux.panes import Pane


def foreground_is(pane_pid: int, command: str, names: Iterable[str]) -> bool:
    """Whether the program that would read a keystroke in this pane is one of ``names``."""
    raise NotImplementedError


def agents_alive(panes: Iterable[Pane], names_by_session: Mapping[str, Iterable[str]]) -> dict[str, bool]:
    """Session → whether its agent's process lives, with at most one pass over the process table."""
    raise NotImplementedError
