"""Which tmux server belongs to a town: a socket of its own, so that two towns never meet.

The name is the Go tools' name for the same town, so both see the same sessions.
"""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OUTSIDE = re.compile(r"[^a-z0-9-]+")


def socket_name(town_root: str, env: Mapping[str, str] | None = None) -> str:
    """The ``-L`` name of a town's server: GT_TMUX_SOCKET if set, else ``<folder>-<6 hex of its path's SHA-256>``.

    ``default`` and ``auto`` in GT_TMUX_SOCKET count as unset.  ``env`` stands in for ``os.environ``.
    """
    chosen = (os.environ if env is None else env).get("GT_TMUX_SOCKET", "")
    if chosen not in ("", "default", "auto"):
        return chosen
    from hashlib import sha256

    path = os.path.realpath(town_root)
    base = _OUTSIDE.sub("-", os.path.basename(path).lower()).strip("-") or "default"
    return f"{base}-{sha256(path.encode()).hexdigest()[:6]}"


def socket_path(name: str, env: Mapping[str, str] | None = None) -> str:
    """Where tmux puts the socket of that name (TMUX_TMPDIR counts, as for tmux itself)."""
    base = (os.environ if env is None else env).get("TMUX_TMPDIR") or "/tmp"
    return os.path.join(os.path.realpath(base), f"tmux-{os.getuid()}", name)


def socket_mark(name: str) -> tuple[int, int] | None:
    """(inode, change time in ns) of the socket, None if there is none; a new server always makes a new one."""
    try:
        status = os.stat(socket_path(name))
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def has_tmux() -> bool:
    """Whether there is a tmux program on PATH."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if os.access(os.path.join(folder or ".", "tmux"), os.X_OK):
            return True
    return False
