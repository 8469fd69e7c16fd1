"""Worktrees that hang off one bare repository: made, looked at, saved and removed.

Invariant: nothing destructive happens to a worktree before its unsaved work has a rescue ref
(``refs/gastown/rescue/<name>/<ts>``) in the shared repository.  Excludes go to the common ``info/exclude``, the
only one git reads; names and e-mails go to the worktree's own configuration, so they never leak to a sibling.
"""

from __future__ import annotations

import os
from collections import namedtuple

from gastown_core.files.atomic import write_atomic
from gastown_core.files.locks import FileLock
from gastown_core.git.repo import ENGINE, Git, Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import NamedTuple

    class Worktree(NamedTuple):
        """One row of ``git worktree list``; ``branch`` is empty when detached."""

        path: str
        head: str
        branch: str
        is_bare: bool

    class TreeStatus(NamedTuple):
        """What a working tree holds that no commit holds; paths relative to its root."""

        changed: tuple[str, ...]
        untracked: tuple[str, ...]

    class Unsaved(NamedTuple):
        """Work that a removal would lose: paths not committed, commits on no remote, stashes of the branch."""

        files: int
        commits: int
        stashes: int
else:
    Worktree = namedtuple("Worktree", "path head branch is_bare")
    TreeStatus = namedtuple("TreeStatus", "changed untracked")
    Unsaved = namedtuple("Unsaved", "files commits stashes")

RESCUE = "refs/gastown/rescue"
"""Where work is kept that a worktree held when it was reused or removed: ``<name>/<milliseconds>`` below it."""

WORKER_NOTE = "CLAUDE.local.md"
WORKER_MARK = "of this town"
"""The first line of a ``WORKER_NOTE`` that the town wrote ends so; another one is the project's."""

OURS = (
    "/.beads/redirect",
    "/.claude/settings.local.json",
    "/.runtime/handoff_to_successor",
    "/.runtime/transcript.jsonl",
    f"/{WORKER_NOTE}",
    "__pycache__/*.pyc",
)
"""What we put into worktrees and git must not see, by exact path; and what Python makes of a source beside it.

Folders are never named: whatever else lies in them is the project's.
"""

_FORMERLY_OURS = frozenset(
    (
        ".runtime/",
        ".claude/",
        ".logs/",
        "__pycache__/",
        "state.json",
        "CLAUDE.local.md",
        ".beads/",
        ".gt-agent",
        "/mail/",
    )
)
"""Patterns that were written once and hid files of the project; they are taken out where they stand."""


def add(bare: Git, path: str, *, branch: str, start: str, new: bool = True) -> Git:
    """Make a worktree at ``path`` on ``branch`` (new from ``start``, or existing). Raises GitError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if new:
        bare.run("worktree", "add", "--quiet", "--no-track", "-b", branch, path, start)
    else:
        bare.run("worktree", "add", "--quiet", path, branch)
    return Git(path, identity=bare.identity)


def remove(bare: Git, path: str, *, rescue_as: str, now: float) -> str:
    """Remove a worktree after saving what it holds; returns the rescue ref, empty if nothing was unsaved."""
    saved = ""
    if os.path.isdir(path):
        saved = rescue(Git(path), rescue_as, now)
        bare.run("worktree", "remove", "--force", path)
    bare.run("worktree", "prune")
    return saved


def list_worktrees(bare: Git) -> list[Worktree]:
    """Every worktree of the repository, the bare one first."""
    rows: list[Worktree] = []
    for block in bare.run("worktree", "list", "--porcelain").split("\n\n"):
        facts = dict(line.partition(" ")[::2] for line in block.splitlines())
        if "worktree" in facts:
            branch = facts.get("branch", "").removeprefix("refs/heads/")
            rows.append(Worktree(facts["worktree"], facts.get("HEAD", ""), branch, "bare" in facts))
    return rows


def status(git: Git) -> TreeStatus:
    """Changed and untracked paths."""
    out = git.run("status", "--porcelain=v1", "-z", "--untracked-files=all")
    changed: list[str] = []
    untracked: list[str] = []
    parts = iter(out.split("\0"))
    for part in parts:
        if len(part) < 4:
            continue
        code, path = part[:2], part[3:]
        if "R" in code or "C" in code:
            next(parts, "")
        (untracked if code == "??" else changed).append(path)
    return TreeStatus(tuple(changed), (*untracked, *not_ours(git)))


def not_ours(git: Git) -> tuple[str, ...]:
    """Files on a path of ours that somebody else wrote: git is blind to them, so they have to be added by force."""
    path = os.path.join(git.path, WORKER_NOTE)
    try:
        with open(path, "rb") as handle:
            first = handle.readline(500)
    except OSError:
        return ()
    if (
        first.strip().endswith(WORKER_MARK.encode())
        or git.attempt("ls-files", "--error-unmatch", WORKER_NOTE).code == 0
    ):
        return ()
    return (WORKER_NOTE,)


def add_everything(git: Git, *options: str, env: Mapping[str, str] | None = None) -> None:
    """``git add`` of all that is not ours. Raises GitError."""
    git.run("add", *options, "--", ".", env=env)
    hidden = not_ours(git)
    if hidden:
        git.run("add", "--force", "--", *hidden, env=env)


def count_ahead(git: Git, base: str, head: str = "HEAD") -> int:
    """Commits of ``head`` that ``base`` lacks. Raises GitError if either does not exist."""
    return int(git.run("rev-list", "--count", f"{base}..{head}"))


def unsaved(git: Git) -> Unsaved:
    """What only this worktree holds."""
    exclude(git)
    tree = status(git)
    commits = 0
    if git.commit_of("HEAD"):
        commits = int(git.run("rev-list", "--count", "HEAD", "--not", "--remotes", f"--glob={RESCUE}/*"))
    return Unsaved(len(tree.changed) + len(tree.untracked), commits, count_stashes(git))


def count_stashes(git: Git) -> int:
    """Stashes made on this worktree's branch and saved nowhere else; the list itself is shared by all worktrees."""
    return len(_unsaved_stashes(git))


def _unsaved_stashes(git: Git) -> list[str]:
    """Commits of the branch's stashes that no rescue ref holds."""
    branch = git.branch()
    # without a stash in the whole repository this one question is all it costs
    if not branch or git.attempt("rev-parse", "--verify", "--quiet", "refs/stash").code != 0:
        return []
    rows = git.run("stash", "list", "--format=%H %gs").splitlines()
    found = [row.partition(" ")[0] for row in rows if f"n {branch}: " in row]
    saved = set(git.run("for-each-ref", "--format=%(objectname)", RESCUE).split()) if found else set()
    return [commit for commit in found if commit not in saved]


def rescue(git: Git, name: str, now: float) -> str:
    """Save uncommitted, untracked and unpushed work, and the branch's stashes, under rescue refs.

    Returns the ref of the work (of the first stash if there was nothing else), empty if nothing was unsaved.
    """
    lost = unsaved(git)
    ref = f"{RESCUE}/{name}/{int(now * 1000)}"
    made = ""
    if lost.files or lost.commits:
        git.run("update-ref", ref, commit_of_everything(git) if lost.files else git.commit_of("HEAD"))
        made = ref
    for number, commit in enumerate(_unsaved_stashes(git) if lost.stashes else []):
        git.run("update-ref", f"{ref}-stash{number}", commit)
        made = made or f"{ref}-stash{number}"
    return made


def commit_of_everything(git: Git, message: str = "work saved before its worktree was reused or removed") -> str:
    """A commit of the working tree as it is on top of HEAD, made beside the index so that nothing is touched."""
    head = git.commit_of("HEAD")
    index = os.path.join(git.run("rev-parse", "--absolute-git-dir"), f"rescue-index.{os.getpid()}")
    env = {"GIT_INDEX_FILE": index}
    try:
        git.run("read-tree", head, env=env) if head else git.run("read-tree", "--empty", env=env)
        add_everything(git, "--all", env=env)
        tree = git.run("write-tree", env=env)
    finally:
        if os.path.exists(index):
            os.unlink(index)
    return commit_tree(git, tree, head, message)


def commit_tree(git: Git, tree: str, parent: str, message: str) -> str:
    """A commit of ``tree`` on ``parent`` (none if empty) that no branch points at yet."""
    signer = Git(git.path, identity=git.identity or ENGINE)
    return signer.run("commit-tree", tree, *(("-p", parent) if parent else ()), "-m", message)


def put_back(git: Git, saved: str) -> None:
    """Make branch and files as they were when ``commit_of_everything`` gave ``saved``; what stands now is overwritten."""
    # what git does not know of yet would stay
    add_everything(git, "--all")
    git.run("read-tree", "-u", "--reset", saved)
    git.run("reset", "--quiet", f"{saved}^")


def common_dir(git: Git) -> str:
    """The repository that the worktree shares with its siblings."""
    return os.path.normpath(os.path.join(git.path, git.run("rev-parse", "--git-common-dir")))


def exclude(git: Git, patterns: Iterable[str] = OURS) -> None:
    """Make git blind to ``patterns`` in every worktree of this repository; patterns that hid too much go.

    A tracked file is never hidden.  Cheap if all is so already.
    """
    path = os.path.join(common_dir(git), "info", "exclude")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with FileLock(path + ".lock"):
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as handle:
                text = handle.read()
        except FileNotFoundError:
            text = ""
        have = text.splitlines()
        lines = [line for line in have if line not in _FORMERLY_OURS]
        lines += [pattern for pattern in patterns if pattern not in lines]
        if lines != have:
            write_atomic(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))


def set_identity(git: Git, identity: Identity) -> None:
    """Set user.name and user.email for this worktree alone."""
    own_configuration(git)
    git.run("config", "--worktree", "user.name", identity.name)
    git.run("config", "--worktree", "user.email", identity.email)


def own_configuration(git: Git) -> None:
    """Switch on per-worktree configuration for the whole repository (once)."""
    if git.config("extensions.worktreeConfig") == "true":
        return
    common = common_dir(git)
    shared = os.path.join(common, "config")
    with FileLock(shared + ".gastown.lock"):
        is_bare = git.attempt("config", "--file", shared, "--get", "core.bare").out.strip() == "true"
        if is_bare:
            # a shared core.bare would make every worktree bare once the extension is on
            git.run("config", "--file", os.path.join(common, "config.worktree"), "core.bare", "true")
        git.run("config", "--file", shared, "extensions.worktreeConfig", "true")
        if is_bare:
            git.run("config", "--file", shared, "--unset", "core.bare")
