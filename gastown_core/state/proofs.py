"""What git says of the branches of one rig: which exist where, how far ahead, and what has reached a target.

Asked from a worker thread, and only anew where something moved: refs are read in one go, a commit's distance is
counted once, and what was once found on a target stays found until that is rewritten.
"""

from __future__ import annotations

import os

from gastown_core.errors import GitError
from gastown_core.git.repo import Git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HEADS, REMOTES = "refs/heads/", "refs/remotes/origin/"
TIMEOUT_S = 20.0


class RigProofs:
    """The memory of one rig's repository between two looks."""

    def __init__(self, repo: str) -> None:
        self.repo = repo
        self.refs: dict[str, str] = {}
        self._git = Git(repo, timeout_s=TIMEOUT_S)
        self._ahead: dict[str, int] = {}
        self._asked: dict[tuple[str, str], bool] = {}
        self._found: set[str] = set()
        self._merged: tuple[tuple[str, int], frozenset[str]] | None = None
        self._read = 0
        self._targets: dict[str, str] = {}

    def read_refs(self) -> bool:
        """Read all branches; returns whether any moved. Raises GitError."""
        said = self._git.run("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/remotes/origin")
        refs = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
        if refs == self.refs:
            return False
        self.refs = refs
        self._read += 1
        return True

    def local(self, branch: str) -> str:
        """The commit of a branch here, empty if there is none."""
        return self.refs.get(HEADS + branch, "")

    def remote(self, branch: str) -> str:
        """The commit of a branch at origin as it was last seen, empty if there is none."""
        return self.refs.get(REMOTES + branch, "")

    def branches(self) -> set[str]:
        """Names of all branches, here and at origin."""
        return {ref.removeprefix(HEADS).removeprefix(REMOTES) for ref in self.refs}

    def ahead(self, commit: str, base: str) -> int:
        """How many commits ``commit`` has that ``base`` lacks, as first counted. Raises GitError."""
        if commit not in self._ahead:
            self._ahead[commit] = int(self._git.run("rev-list", "--count", commit, f"^{base}"))
        return self._ahead[commit]

    def ahead_of(self, commit: str, other: str) -> int:
        """How many commits ``commit`` has that ``other`` lacks. Raises GitError."""
        return int(self._git.run("rev-list", "--count", commit, f"^{other}"))

    def is_on(self, commit: str, tip: str) -> bool:
        """Whether ``tip`` contains ``commit``; a commit that nobody has is on nothing. Raises GitError.

        For what a branch still names, one question answers for all; what was once found stays found.
        """
        if commit in self._found:
            return True
        if commit in self.refs.values():
            is_on = commit in self._merged_into(tip)
        else:
            key = (commit, tip)
            if key not in self._asked:
                self._asked[key] = self._git.attempt("merge-base", "--is-ancestor", commit, tip).code == 0
            is_on = self._asked[key]
        if is_on:
            self._found.add(commit)
        return is_on

    def _merged_into(self, tip: str) -> frozenset[str]:
        """Commits of all branches that ``tip`` contains."""
        if self._merged is None or self._merged[0] != (tip, self._read):
            said = self._git.run("for-each-ref", f"--merged={tip}", "--format=%(objectname)", "refs/heads", "refs/remotes/origin")  # fmt: skip
            self._merged = ((tip, self._read), frozenset(said.split()))
        return self._merged[1]

    def target(self, branch: str) -> str:
        """The commit of a target at origin, from which nothing is proved any more that a rewrite took away.

        Raises GitError if origin has no such branch.
        """
        tip = self.remote(branch)
        if not tip:
            raise GitError(f"origin has no branch {branch}")
        since = self._targets.get(branch, "")
        if since and since != tip and self._git.attempt("merge-base", "--is-ancestor", since, tip).code != 0:
            # the target was rewritten: nothing that was proved before is proved now
            self._found.clear()
        self._targets[branch] = tip
        return tip


def repository_of(rig_path: str) -> str:
    """The folder of a rig's repository that all its worktrees share, empty if it has none."""
    for part in (".repo.git", os.path.join("mayor", "rig")):
        path = os.path.join(rig_path, part)
        if os.path.isdir(path):
            return path
    return ""


def ref_folders(rig_path: str) -> Iterator[str]:
    """The folders in which a ref of the rig moves: watched, so that nobody has to ask."""
    repo = repository_of(rig_path)
    home = os.path.join(repo, ".git") if repo and os.path.isdir(os.path.join(repo, ".git")) else repo
    if not home:
        return
    yield home
    for part in ("heads", os.path.join("remotes", "origin")):
        for folder, _, _ in os.walk(os.path.join(home, "refs", part)):
            yield folder
