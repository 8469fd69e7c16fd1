"""Starting, restarting and ending sessions. (signatures first; see bodies)"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer


def create_session(
    server: TmuxServer,
    name: str,
    cwd: str,
    env: Mapping[str, str],
    argv: Sequence[str],
    *,
    width: int = 200,
    height: int = 50,
    watch_s: float = 0.25,
) -> Pane:
    """Start ``argv`` in a new detached session ``name``; returns its pane.

    Raises TmuxError if the session exists, ``cwd`` is no folder, or the program ends with an error within ``watch_s``.
    """
    raise NotImplementedError


def respawn(server: TmuxServer, pane_id: str, env: Mapping[str, str], argv: Sequence[str], cwd: str) -> None:
    """End what runs in the pane and start ``argv`` there; clients stay attached."""
    raise NotImplementedError


def kill_session(server: TmuxServer, name: str, *, grace_s: float = 2.0, exclude: Iterable[int] = ()) -> bool:
    """End the session and every process in it; True if there was one. Missing session or server is fine."""
    raise NotImplementedError


def set_option(server: TmuxServer, session: str, option: str, value: str) -> None:
    """Set a session option (``@name`` for ours)."""
    raise NotImplementedError


def apply_theme(server: TmuxServer, session: str, *, icon: str, label: str, rig: str = "", role: str = "") -> None:
    """Status line of a session: icon and name left, time right, colour by rig (``theme.py``)."""
    raise NotImplementedError


def bind_feed_key(server: TmuxServer, argv: Sequence[str], *, prefixes: Sequence[str] = ()) -> None:
    """Bind prefix+a to ``argv`` in our sessions (name begins with hq- or one of ``prefixes`` + ``-``), keeping the user's binding elsewhere."""
    raise NotImplementedError


def unbind_feed_key(server: TmuxServer) -> None:
    """Give prefix+a back to the user's own binding."""
    raise NotImplementedError


def attached_clients(server: TmuxServer, session: str) -> list[str]:
    """Terminals (``/dev/pts/3``) attached to exactly this session."""
    raise NotImplementedError


def detach_clients(server: TmuxServer, session: str) -> int:
    """Detach every client of exactly this session; the agent goes on. Returns how many there were."""
    raise NotImplementedError


def attach_argv(server: TmuxServer, session: str) -> list[str]:
    """What to exec to look at the session: attach-session, or switch-client when already inside this server."""
    raise NotImplementedError
