"""Notes of restarts that are going on: between the end of an agent's old program and the start of the new one, whoever
does it may be killed, and nobody else would know that a new one was to come."""

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
    """A restart of ``session`` on account of ``topic`` whose process has died; ``path`` is its note."""

    session: str
    topic: str
    path: str


def _folder(root: str) -> str:
    return os.path.join(root, ".runtime", "restarts")


@contextlib.contextmanager
def noted(root: str, session: str, topic: str) -> Iterator[None]:
    """Keep a note for as long as the restart takes. Raises StoreError if it cannot be written; nothing has ended then."""
    private_folder(_folder(root))
    path = os.path.join(_folder(root), session)
    write_atomic(path, f"{mark()}{topic}\n".encode(), mode=0o600, sync=False)
    try:
        yield
    finally:
        drop(path)


def cut_off(root: str) -> list[CutOff]:
    """The restarts that nobody is at any more."""
    found = []
    names = sorted(os.listdir(_folder(root))) if os.path.isdir(_folder(root)) else []
    for name in names:
        path = os.path.join(_folder(root), name)
        try:
            text = read_plain(path).decode("utf-8", "replace")
        except OSError:
            # over by now, or nothing of ours
            continue
        if mark_lives(text) is False:
            found.append(CutOff(name, "".join(text.splitlines()[2:3]) or "restart", path))
    return found


def drop(path: str) -> None:
    """Take the note away; one that is gone is fine."""
    with contextlib.suppress(OSError):
        os.unlink(path)
