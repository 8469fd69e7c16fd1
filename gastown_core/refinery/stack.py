"""Stacks of squash commits on a target: one commit per request, made without a working tree.

A stack is identified by the tuple of its requests; its prefixes are stacks too and share their commits, so probing a
prefix merges nothing again.  A branch made on another one is merged as if the other had been merged whole below it,
not squashed.  With git older than 2.38, merges use a temporary worktree instead.
"""

from __future__ import annotations

import os
import re
from functools import cache

from gastown_core.git.repo import refusal
from gastown_core.model.record import Record
from gastown_core.process import run
from gastown_core.refinery.worktrees import Worktrees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.clock import Clock
    from gastown_core.git.repo import Git
    from gastown_core.refinery.tips import Piece


class Stacked(Record):
    """A commit and its tree."""

    commit: str
    tree: str


class Clash(Record):
    """A request that does not merge onto the requests below it, and the files in conflict."""

    id: str
    below: tuple[str, ...]
    files: tuple[str, ...] = ()


class Stacker:
    """Builds stacks of ``pieces`` on the commit ``base``."""

    def __init__(self, git: Git, base: str, pieces: Mapping[str, Piece], worktrees: Worktrees, *, clock: Clock) -> None:
        self.git = git
        self.base = base
        self.pieces = pieces
        self.worktrees = worktrees
        self.clock = clock
        self._made: dict[tuple[str, ...], Stacked] = {(): Stacked(base, git.run("rev-parse", f"{base}^{{tree}}"))}

    def stack(self, requests: Sequence[str]) -> Stacked | Clash:
        """The stack of these requests in this order, or the first one that does not fit. Raises GitError."""
        ids = tuple(requests)
        for size in range(len(ids)):
            if ids[: size + 1] in self._made:
                continue
            below, piece = self._made[ids[:size]], self.pieces[ids[size]]
            tree, files = merge_trees(self.git, self.worktrees, self._onto(ids[:size], piece), piece.tip)
            if not tree:
                return Clash(piece.id, ids[:size], files)
            self._made[ids[: size + 1]] = Stacked(self._commit(tree, below.commit, piece), tree)
        return self._made[ids]

    def empty(self, requests: Sequence[str]) -> str:
        """The first of the requests that changes nothing on top of those before it; empty if each does something."""
        ids = tuple(requests)
        for size in range(len(ids)):
            if self._made[ids[: size + 1]].tree == self._made[ids[:size]].tree:
                return ids[size]
        return ""

    def _onto(self, below: tuple[str, ...], piece: Piece) -> str:
        """What a piece is merged onto: the stack below, as a commit that also has the branches it was made on as parents."""
        stack = self._made[below]
        kin = [self.pieces[one].tip for one in below if self.pieces[one].commits & piece.commits]
        parents = [word for root in dict.fromkeys((*piece.roots, *kin)) for word in ("-p", root)]
        if not parents:
            return stack.commit
        return self.git.run("commit-tree", stack.tree, "-p", stack.commit, *parents, "-m", "merged below")

    def commit_on(self, below: Stacked, tree: str, message: str) -> Stacked:
        """Add a commit of the engine's own on top of a stack."""
        return Stacked(self.git.run("commit-tree", tree, "-p", below.commit, "-F", "-", stdin=message.encode()), tree)

    def _commit(self, tree: str, below: str, piece: Piece) -> str:
        env = {
            "GIT_AUTHOR_NAME": piece.author,
            "GIT_AUTHOR_EMAIL": piece.email,
            "GIT_AUTHOR_DATE": piece.date,
            "GIT_COMMITTER_DATE": f"{int(self.clock.now())} +0000",
        }
        return self.git.run("commit-tree", tree, "-p", below, "-F", "-", stdin=piece.message.encode(), env=env)


def merge_trees(git: Git, worktrees: Worktrees, onto: str, tip: str) -> tuple[str, tuple[str, ...]]:
    """The tree of ``tip`` merged onto ``onto``; or no tree and the files in conflict. Raises GitError."""
    if not merges_without_worktree():
        return _merge_in_worktree(worktrees, onto, tip)
    done = git.attempt("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", onto, tip)
    parts = [part for part in done.out.split("\0") if part.strip()]
    if done.code == 0:
        return parts[0].strip(), ()
    if done.code == 1:
        return "", tuple(dict.fromkeys(parts[1:]))
    return _refused(done.err)


def _merge_in_worktree(worktrees: Worktrees, onto: str, tip: str) -> tuple[str, tuple[str, ...]]:
    with worktrees.open(onto) as tree:
        done = tree.attempt("merge", "--squash", "--no-commit", "--quiet", tip)
        if done.code == 0:
            return tree.run("write-tree"), ()
        files = tree.run("diff", "--name-only", "--diff-filter=U", "-z").split("\0")
        return ("", tuple(name for name in files if name)) if any(files) else _refused(done.err or done.out)


def _refused(said: str) -> tuple[str, tuple[str, ...]]:
    if "unrelated histories" in said:
        return "", ("(its history has nothing in common with the target)",)
    raise refusal(("merge",), said or "git said nothing")


@cache
def merges_without_worktree() -> bool:
    """Whether this git can merge without a working tree (2.38 or newer)."""
    found = re.search(r"(\d+)\.(\d+)", run(["git", "version"], env=dict(os.environ)).out)
    return found is not None and (int(found[1]), int(found[2])) >= (2, 38)
