"""Worktrees that hang off one bare repository: made, looked at, saved and removed.

Invariant: nothing destructive happens to a worktree before its unsaved work has a rescue ref
(``refs/gastown/rescue/<name>/<ts>``) in the shared repository.  Excludes go to the common ``info/exclude``, the
only one git reads; names and e-mails go to the worktree's own configuration, so they never leak to a sibling.
"""

from __future__ import annotations

import os

from gastown_core.files.atomic import write_atomic
from gastown_core.files.locks import FileLock
from gastown_core.git import submodules
from gastown_core.git.repo import ENGINE, Git, Identity
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Worktree(Record):
    """One row of ``git worktree list``; ``branch`` is empty when detached."""

    path: str
    head: str
    branch: str
    is_bare: bool


class TreeStatus(Record):
    """What a working tree holds that no commit holds; paths relative to its root."""

    changed: tuple[str, ...]
    untracked: tuple[str, ...]


class Unsaved(Record):
    """Work that a removal would lose: paths not committed, commits on no remote, stashes of the branch."""

    files: int
    commits: int
    stashes: int


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
    "**/__pycache__/*.cpython-*.pyc",
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
        "__pycache__/*.pyc",
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


def add_everything(git: Git, *options: str, env: Mapping[str, str] | None = None) -> list[str]:
    """``git add`` of all that is not ours; returns clones that lie in the worktree, which are left out.

    Git would take a clone for a submodule that nobody can fetch.  Raises GitError.
    """
    tree = status(git)
    clones = [name.rstrip("/") for name in tree.untracked if name.endswith("/")]
    git.run("add", *options, "--", ".", *(f":(exclude,literal,top){name}" for name in clones), env=env)
    hidden = not_ours(git)
    if hidden:
        git.run("add", "--force", "--", *hidden, env=env)
    return clones


def count_ahead(git: Git, base: str, head: str = "HEAD") -> int:
    """Commits of ``head`` that ``base`` lacks. Raises GitError if either does not exist."""
    return int(git.run("rev-list", "--count", f"{base}..{head}"))


def unsaved(git: Git, name: str = "") -> Unsaved:
    """What only this worktree (of worker ``name``) holds."""
    exclude(git)
    tree = status(git)
    commits = len(unpushed(git))
    commits += sum(len(rows) for rows in unpushed_inside(git, tree.untracked).values())
    return Unsaved(len(tree.changed) + len(tree.untracked), commits, count_stashes(git, name))


def unpushed_inside(git: Git, untracked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Commits that only a submodule or a clone inside the worktree holds, by its path."""
    found = {}
    for inner in (*submodules.submodules(git), *submodules.embedded(git, untracked)):
        rows = submodules.unpushed(inner, RESCUE)
        if rows:
            found[submodules.relative(git, inner)] = rows
    return found


_BUSY = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
}
_HOW = {
    "a rebase": "git rebase --continue once it is resolved, or git rebase --abort",
    "a merge": "git commit once it is resolved, or git merge --abort",
    "a cherry-pick": "git cherry-pick --continue once it is resolved, or git cherry-pick --abort",
    "a revert": "git revert --continue once it is resolved, or git revert --abort",
    "a conflict": "resolve the files, then git add them",
}


def unfinished(git: Git) -> tuple[str, str]:
    """What the worktree is in the middle of and how to get out of it, both empty if nothing is half done."""
    folder = git.run("rev-parse", "--absolute-git-dir")
    for name, what in _BUSY.items():
        if os.path.exists(os.path.join(folder, name)):
            return what, _HOW[what]
    if git.run("ls-files", "--unmerged"):
        return "a conflict", _HOW["a conflict"]
    return "", ""


def changes_nothing(git: Git, base: str, head: str = "HEAD") -> bool:
    """Whether the commits of ``head`` that ``base`` lacks leave every file as it was where they began."""
    start = git.attempt("merge-base", base, head)
    return start.code == 0 and git.attempt("diff", "--quiet", start.out.strip(), head, "--").code == 0


def count_stashes(git: Git, name: str = "", branch: str = "") -> int:
    """Stashes that ``unsaved_stashes`` finds."""
    return len(unsaved_stashes(git, name, branch))


def unsaved_stashes(git: Git, name: str = "", branch: str = "") -> list[str]:
    """Commits of the stashes made on the worktree's branch (or ``branch``), or on any of worker ``name``, that no
    rescue ref holds; the list itself is shared by all worktrees."""
    # without a stash in the whole repository this one question is all it costs
    if git.attempt("rev-parse", "--verify", "--quiet", "refs/stash").code != 0:
        return []
    own = branch or git.branch()
    below = (f"polecat/{name}/", f"polecat/{name}-") if name else ()
    found = []
    # what git stash list shows, but also where there is no working tree
    for row in git.run("log", "--walk-reflogs", "--format=%H %gs", "refs/stash", "--").splitlines():
        commit, _, words = row.partition(" ")
        # "WIP on BRANCH: …", or "On BRANCH: …" where the worker gave a message
        where = words.partition("n ")[2].partition(": ")[0]
        if where and (where == own or where.startswith(below)):
            found.append(commit)
    saved = set(git.run("for-each-ref", "--format=%(objectname)", RESCUE).split()) if found else set()
    return [commit for commit in found if commit not in saved]


def rescue_branch(bare: Git, branch: str, name: str, now: float) -> str:
    """Save a branch whose worktree is gone, and the worker's stashes; the ref, empty if nothing was unsaved."""
    made = []
    if unpushed(bare, f"refs/heads/{branch}"):
        made.append((f"{RESCUE}/{name}/{int(now * 1000)}", f"refs/heads/{branch}"))
    for number, commit in enumerate(unsaved_stashes(bare, name, branch)):
        made.append((f"{RESCUE}/{name}/{int(now * 1000)}-stash{number}", commit))
    for ref, what in made:
        bare.run("update-ref", ref, what)
    return made[0][0] if made else ""


def unpushed(git: Git, head: str = "HEAD") -> tuple[str, ...]:
    """Commits of ``head`` that no remote has and no rescue ref holds, a line each, the newest first."""
    if not git.commit_of(head):
        return ()
    return tuple(git.run("log", "--format=%h %s", head, "--not", "--remotes", f"--glob={RESCUE}/*").splitlines())


def rescue(git: Git, name: str, now: float) -> str:
    """Save uncommitted, untracked and unpushed work, and the branch's stashes, under rescue refs.

    Returns the ref of the work (of the first stash if there was nothing else), empty if nothing was unsaved.
    """
    ref = f"{RESCUE}/{name}/{int(now * 1000)}"
    lost = unsaved(git, name)
    inside = _rescue_inside(git, ref)
    made = ""
    if lost.files or lost.commits:
        git.run("update-ref", ref, commit_of_everything(git) if lost.files else git.commit_of("HEAD"))
        made = ref
    for number, commit in enumerate(unsaved_stashes(git, name) if lost.stashes else []):
        git.run("update-ref", f"{ref}-stash{number}", commit)
        made = made or f"{ref}-stash{number}"
    return made or inside[0] if inside else made


def _rescue_inside(git: Git, ref: str) -> list[str]:
    """Save what submodules and clones inside the worktree hold, their branches too; the refs ``<ref>-in-<number>``."""
    made: list[str] = []
    for inner in (*submodules.submodules(git), *submodules.embedded(git, status(git).untracked)):
        tree = status(inner)
        loose = bool(tree.changed or tree.untracked)
        if loose or submodules.unpushed(inner, RESCUE):
            kept = f"{ref}-in-{len(made)}"
            where = submodules.relative(git, inner)
            commit = commit_of_everything(inner, f"work saved from {where}") if loose else inner.commit_of("HEAD")
            submodules.fetch_into(git, inner, commit, kept)
            made.append(kept)
            tips = inner.run("for-each-ref", "--format=%(objectname)", "refs/heads").split()
            for number, tip in enumerate(dict.fromkeys(tips)):
                submodules.fetch_into(git, inner, tip, f"{kept}-{number}")
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
    common = common_dir(git)
    shared = os.path.join(common, "config")
    told = git.attempt(
        "config", "--file", shared, "--get-regexp", r"^(extensions\.worktreeconfig|core\.bare)$"
    ).out.lower()
    if "extensions.worktreeconfig true" in told and "core.bare true" not in told:
        return
    with FileLock(shared + ".gastown.lock"):
        if "core.bare true" in told:
            # a shared core.bare makes every worktree bare once the extension is on, so it goes first: a kill in between
            # leaves a repository that git knows as bare by its shape
            git.run("config", "--file", os.path.join(common, "config.worktree"), "core.bare", "true")
            git.attempt("config", "--file", shared, "--unset", "core.bare")
        git.run("config", "--file", shared, "extensions.worktreeConfig", "true")
