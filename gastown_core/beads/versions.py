"""Every version of a store's records that is still to be had: the lines of its files, and those that git remembers.

A file keeps outdated lines until it is compacted; after that, versions that no commit holds are lost.
"""

from __future__ import annotations

import os

from gastown_core.beads.discovery import WISPS, ledger_name
from gastown_core.errors import GastownError, GitError, words_of
from gastown_core.files.plain import open_plain
from gastown_core.model.bead import Bead
from gastown_core.model.json_text import bulk_decoder
from gastown_core.model.record import Record
from gastown_core.process import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

MOST_COMMITS = 2000
"""So many of the newest commits of a ledger are read at most."""
GIT_S = 120.0


class Versions(Record):
    """All known versions by bead, oldest first; ``missing`` says what could not be read, and why."""

    beads: dict[str, list[Bead]]
    missing: tuple[str, ...] = ()


def moment_of(bead: Bead) -> float:
    """Return when this version was written: its last change, or the deletion of a tombstone."""
    return bead.updated_at or bead.created_at


def read_versions(beads_dir: str) -> Versions:
    """Return every version of the records in the folder, those of wisps too."""
    decode = bulk_decoder()
    found: dict[str, dict[str, Bead]] = {}
    missing: list[str] = []
    name = ledger_name(beads_dir)
    readers: list[Callable[[], Iterable[bytes]]] = [
        lambda: _committed(beads_dir, name),
        lambda: _lines(os.path.join(beads_dir, name)),
        lambda: _lines(os.path.join(beads_dir, WISPS)),
    ]
    for read in readers:
        try:
            for line in read():
                _take(found, line, decode)
        except (GastownError, OSError) as error:
            missing.append(words_of(error))
    ordered = {bead_id: sorted(known.values(), key=moment_of) for bead_id, known in found.items()}
    return Versions(ordered, tuple(missing))


def _take(found: dict[str, dict[str, Bead]], line: bytes, decode: Callable[[bytes], Any]) -> None:
    """Add the version in a line, if it holds one; of two with the same moment the later line counts."""
    try:
        raw = decode(line)
    except ValueError:
        # junk, or the marks of a merge under way
        return
    bead_id = raw.get("id") if isinstance(raw, dict) else None
    if isinstance(bead_id, str) and bead_id and raw.get("_type", "issue") == "issue":
        bead, known = Bead(raw), found.setdefault(bead_id, {})
        stamp = bead.text("updated_at") or bead.text("created_at")
        if not (bead.is_tombstone and stamp in known):
            # a wisp that became lasting leaves a tombstone in its old file
            known[stamp] = bead


def _lines(path: str) -> Iterator[bytes]:
    if os.path.exists(path):
        with open(open_plain(path), "rb") as handle:
            yield from handle


def _committed(folder: str, name: str) -> Iterator[bytes]:
    """Yield the lines that commits added to the ledger, oldest first. Raises GitError."""
    inside = run(["git", "rev-parse", "--is-inside-work-tree"], cwd=folder, timeout_s=GIT_S)
    if inside.code or inside.out.strip() != "true":
        return
    words = ["log", f"--max-count={MOST_COMMITS}", "--reverse", "--format=", "-p", "-U0", "--no-color", "--no-ext-diff"]
    done = run(["git", *words, "--no-textconv", "--", name], cwd=folder, timeout_s=GIT_S)
    if done.code and "does not have any commits" not in done.err:
        raise GitError(f"the history of {os.path.join(folder, name)} cannot be read", done.err.strip())
    for line in done.out.split("\n"):
        if line.startswith("+{"):
            yield line[1:].encode()
