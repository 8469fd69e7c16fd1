"""Notes of restarts in progress: if the process that restarts an agent dies between ending the old program and starting
the new one, the note says that a start is still due."""

from __future__ import annotations

import contextlib
import os

from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.files.plain import read_plain
from gastown_core.model.record import Record
from gastown_core.process_table import mark, mark_lives

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class CutOff(Record):
    """A restart of ``session`` for ``topic`` that is not over; ``path`` is its note."""

    session: str
    topic: str
    path: str


def _folder(root: str) -> str:
    return os.path.join(root, ".runtime", "restarts")


@contextlib.contextmanager
def noted(root: str, session: str, topic: str) -> Iterator[None]:
    """Keep a note during the block. Raises StoreError if it cannot be written; the block has not run then."""
    private_folder(_folder(root))
    path = os.path.join(_folder(root), session)
    write_atomic(path, f"{mark()}{topic}\n".encode(), mode=0o600, sync=False)
    try:
        yield
    finally:
        drop(path)


def cut_off(root: str) -> list[CutOff]:
    """Return the restarts whose process has died."""
    return [one for one, lives in _notes(root) if lives is False]


def under_way(root: str) -> list[str]:
    """Return the sessions that a living process restarts now."""
    return [one.session for one, lives in _notes(root) if lives]


def _notes(root: str) -> Iterator[tuple[CutOff, bool | None]]:
    """Yield each note, and whether its process lives (None: unknown)."""
    names = sorted(os.listdir(_folder(root))) if os.path.isdir(_folder(root)) else []
    for name in names:
        path = os.path.join(_folder(root), name)
        try:
            text = read_plain(path).decode("utf-8", "replace")
        except OSError:
            # finished meanwhile, or not a note
            continue
        yield CutOff(name, "".join(text.splitlines()[2:3]) or "restart", path), mark_lives(text)


def drop(path: str) -> None:
    """Remove a note, if it is still there."""
    with contextlib.suppress(OSError):
        os.unlink(path)
