"""Syncs a store to git: compacts it for clean diffs, then commits ``.beads`` alone."""

from __future__ import annotations

import os

from gastown_core.beads.discovery import ledger_name
from gastown_core.beads.twins import Twin, sentence_of
from gastown_core.errors import GitError
from gastown_core.model.record import Record
from gastown_core.process import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.store import BeadStore

PUSH_TIMEOUT_S = 120.0


class SyncResult(Record):
    """The result of a sync; ``commit`` is the short hash of the new commit, empty if nothing had changed.

    ``parted`` lists beads that shared an id and got a new one.
    """

    compacted: bool
    in_git: bool
    committed: bool
    commit: str
    pushed: bool
    parted: tuple[Twin, ...] = ()

    def sentence(self) -> str:
        """Return the result as a sentence."""
        parts = [*map(sentence_of, self.parted)]
        parts += ["brought into canonical form" if self.compacted else "already in canonical form"]
        if not self.in_git:
            parts.append("not in a git repository, so nothing was committed")
        else:
            parts.append(f"committed {self.commit}" if self.committed else "nothing to commit")
        if self.pushed:
            parts.append("pushed")
        return ", ".join(parts)


def sync_store(store: BeadStore, *, message: str = "", commit: bool = True, push: bool = False) -> SyncResult:
    """Compact, commit and push. Raises GitError with git's message, ConflictError on conflict markers."""
    parted: list[Twin] = []
    compacted = store.compact(parted)
    folder = store.beads_dir
    in_git = commit and _is_in_git(folder)
    if not in_git:
        return SyncResult(compacted, False, False, "", False, tuple(parted))
    committed = _commit(folder, message or f"beads: sync {store.prefix}")
    head = _git(folder, "rev-parse", "--short", "HEAD", check=False) if committed else ""
    if push:
        _push(folder)
    return SyncResult(compacted, True, committed, head, push, tuple(parted))


def _is_in_git(folder: str) -> bool:
    """Whether the folder is in a git working tree. Raises GitError if git cannot tell, as for a foreign owner."""
    done = run(["git", "rev-parse", "--is-inside-work-tree"], cwd=folder, env={**os.environ, "LC_ALL": "C"})
    if done.code and "not a git repository" not in done.err:
        hint = "git config --global --add safe.directory PATH trusts it" if "dubious ownership" in done.err else ""
        raise GitError("git failed here, so nothing was committed", done.err.strip(), hint)
    return done.out.strip() == "true"


def _commit(folder: str, message: str) -> bool:
    """Commit changes in the folder only, whatever else is staged; returns whether there were any."""
    if run(["git", "check-ignore", "-q", os.path.join(folder, ledger_name(folder))], cwd=folder).code == 0:
        return False
    _git(folder, "add", "--", ".")
    if run(["git", "diff", "--cached", "--quiet", "--", "."], cwd=folder).code == 0:
        return False
    _git(folder, "commit", "-q", "-m", message, "--", ".")
    return True


def _push(folder: str) -> None:
    done = run(["git", "push", "-q"], cwd=folder, timeout_s=PUSH_TIMEOUT_S)
    if done.code != 0:
        raise GitError(
            "the commit was made but not pushed",
            done.err.strip(),
            "run git pull to merge, then bd sync --push",
        )


def _git(folder: str, *words: str, check: bool = True) -> str:
    done = run(["git", *words], cwd=folder)
    if check and done.code != 0:
        raise GitError(f"git {words[0]} failed in {folder}", done.err.strip() or done.out.strip())
    return done.out.strip() if done.code == 0 else ""
