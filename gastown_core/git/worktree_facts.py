"""The state of a clone or worktree for display: branch, last commit, distance to its base, uncommitted files.

It uses GitPython, which is imported only here; commands that must start fast do not use this module.
"""

from __future__ import annotations

from gastown_core.errors import GitError
from gastown_core.model.record import Record


class Commit(Record):
    """One commit: abbreviated hash, subject, author, Unix seconds."""

    sha: str
    subject: str
    author: str
    at: float


class WorkFacts(Record):
    """A working tree at one moment; ``ahead`` and ``behind`` are None if the base does not exist."""

    branch: str
    base: str
    ahead: int | None
    behind: int | None
    changed: tuple[str, ...]
    untracked: tuple[str, ...]
    commits: tuple[Commit, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is changed and nothing untracked."""
        return not self.changed and not self.untracked


def read_facts(path: str, *, base: str = "origin/HEAD", commits: int = 5) -> WorkFacts:
    """The state of the working tree at ``path``, with its newest ``commits``. Raises GitError if it cannot be read."""
    import git as gitpython
    from git.exc import GitError as GitPythonError

    try:
        with gitpython.Repo(path) as repo:
            branch = "" if repo.head.is_detached else repo.active_branch.name
            has_commits = repo.head.is_valid()
            ahead, behind = _distance(repo, base) if has_commits else (None, None)
            changed = tuple(sorted({item.a_path or "" for item in repo.index.diff(None)} | _staged(repo, has_commits)))
            newest = tuple(
                Commit(item.hexsha[:8], str(item.summary), str(item.author.name), float(item.committed_date))
                for item in (repo.iter_commits(max_count=commits) if has_commits else ())
            )
            return WorkFacts(branch, base, ahead, behind, changed, tuple(repo.untracked_files), newest)
    except (GitPythonError, ValueError, OSError) as error:
        raise GitError(f"cannot read the working tree {path}", str(error).strip()) from error


def _staged(repo: object, has_commits: bool) -> set[str]:
    if not has_commits:
        return set()
    return {item.a_path or "" for item in repo.index.diff("HEAD")}  # type: ignore[attr-defined]


def _distance(repo: object, base: str) -> tuple[int | None, int | None]:
    from git.exc import GitCommandError

    try:
        counts = repo.git.rev_list("--left-right", "--count", f"{base}...HEAD")  # type: ignore[attr-defined]
    except GitCommandError:
        return None, None
    behind, ahead = counts.split()
    return int(ahead), int(behind)
