"""Worktrees of one bare repository: created, inspected, saved and removed.

A worktree's unsaved work gets a rescue ref (``refs/gastown/rescue/<name>/<ts>``) in the shared repository before
anything destructive happens to it.  Excludes go to the common ``info/exclude``, the only one git reads; user names
and e-mails go to the worktree's own configuration, so they do not affect its siblings.
"""

from __future__ import annotations

import os

from gastown_core.files.atomic import write_atomic
from gastown_core.files.locks import FileLock
from gastown_core.git import submodules
from gastown_core.git.own_index import own_index
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
    """Uncommitted paths of a working tree, relative to its root."""

    changed: tuple[str, ...]
    untracked: tuple[str, ...]


class Unsaved(Record):
    """Work that a removal would lose: uncommitted paths, commits on no remote, stashes of the branch."""

    files: int
    commits: int
    stashes: int


RESCUE = "refs/gastown/rescue"
"""Prefix of rescue refs for work in reused or removed worktrees: ``<name>/<milliseconds>`` follows."""

WORKER_NOTE = "CLAUDE.local.md"
WORKER_MARK = "of this town"
"""The end of the first line of a ``WORKER_NOTE`` that the town wrote; any other is the project's."""

OURS = (
    "/.beads/redirect",
    "/.claude/settings.local.json",
    "/.runtime/handoff_to_successor",
    "/.runtime/transcript.jsonl",
    f"/{WORKER_NOTE}",
    "**/__pycache__/*.cpython-*.pyc",
)
"""Files that we put into worktrees and hide from git, by exact path, and the bytecode that Python writes.

Folders are never hidden: other files in them belong to the project.
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
"""Patterns of earlier versions that hid project files; they are removed where found."""


def add(bare: Git, path: str, *, branch: str, start: str, new: bool = True) -> Git:
    """Create a worktree at ``path`` on ``branch`` (new from ``start``, or existing). Raises GitError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if new:
        bare.run("worktree", "add", "--quiet", "--no-track", "-b", branch, path, start)
    else:
        bare.run("worktree", "add", "--quiet", path, branch)
    return Git(path, identity=bare.identity)


def remove(bare: Git, path: str, *, rescue_as: str, now: float) -> str:
    """Remove a worktree after saving its unsaved work; returns the rescue ref, empty if there was none."""
    saved = ""
    if os.path.isdir(path):
        saved = rescue(Git(path), rescue_as, now)
        bare.run("worktree", "remove", "--force", path)
    bare.run("worktree", "prune")
    return saved


def list_worktrees(bare: Git) -> list[Worktree]:
    """Return all worktrees of the repository, the bare one first."""
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
    """Project files at a path that we hide from git; they must be added by force."""
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
    """``git add`` everything that is not ours; returns the untracked clones, which are left out.

    git would record a clone as a submodule that nobody can fetch.  Raises GitError.
    """
    tree = status(git)
    clones = [name.rstrip("/") for name in tree.untracked if name.endswith("/")]
    git.run("add", *options, "--", ".", *(f":(exclude,literal,top){name}" for name in clones), env=env)
    hidden = not_ours(git)
    if hidden:
        git.run("add", "--force", "--", *hidden, env=env)
    return clones


def count_ahead(git: Git, base: str, head: str = "HEAD") -> int:
    """Return the number of commits in ``head`` but not in ``base``. Raises GitError if either does not exist."""
    return int(git.run("rev-list", "--count", f"{base}..{head}"))


def unsaved(git: Git, name: str = "") -> Unsaved:
    """Work that exists only in this worktree (of worker ``name``)."""
    exclude(git)
    tree = status(git)
    commits = len(unpushed(git))
    commits += sum(len(rows) for rows in unpushed_inside(git, tree.untracked).values())
    return Unsaved(len(tree.changed) + len(tree.untracked), commits, count_stashes(git, name))


def unpushed_inside(git: Git, untracked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the commits that exist only in a submodule or clone inside the worktree, by its path."""
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
    """Return the operation that the worktree is in the middle of and how to finish it; both empty if there is none."""
    folder = git.run("rev-parse", "--absolute-git-dir")
    for name, what in _BUSY.items():
        if os.path.exists(os.path.join(folder, name)):
            return what, _HOW[what]
    if git.run("ls-files", "--unmerged"):
        return "a conflict", _HOW["a conflict"]
    return "", ""


def changes_nothing(git: Git, base: str, head: str = "HEAD") -> bool:
    """Return whether the commits in ``head`` but not in ``base`` change no file in total."""
    start = git.attempt("merge-base", base, head)
    return start.code == 0 and git.attempt("diff", "--quiet", start.out.strip(), head, "--").code == 0


def count_stashes(git: Git, name: str = "", branch: str = "") -> int:
    """Return the number of stashes that ``unsaved_stashes`` finds."""
    return len(unsaved_stashes(git, name, branch))


def unsaved_stashes(git: Git, name: str = "", branch: str = "") -> list[str]:
    """Return stash commits of the worktree's branch (or ``branch``), or of worker ``name``, that no rescue ref holds.

    All worktrees of a repository share one stash list.
    """
    # a repository without stashes costs only this one command
    if git.attempt("rev-parse", "--verify", "--quiet", "refs/stash").code != 0:
        return []
    own = branch or git.branch()
    below = (f"polecat/{name}/", f"polecat/{name}-") if name else ()
    found = []
    # as git stash list, which needs a working tree
    for row in git.run("log", "--walk-reflogs", "--format=%H %gs", "refs/stash", "--").splitlines():
        commit, _, words = row.partition(" ")
        # "WIP on BRANCH: …", or "On BRANCH: …" if the worker gave a message
        where = words.partition("n ")[2].partition(": ")[0]
        if where and (where == own or where.startswith(below)):
            found.append(commit)
    saved = set(git.run("for-each-ref", "--format=%(objectname)", RESCUE).split()) if found else set()
    return [commit for commit in found if commit not in saved]


def new_ref(git: Git, prefix: str, now: float, suffix: str = "") -> str:
    """Return the name of a ref for what is saved now: its milliseconds, or the next that are free, below ``prefix``."""
    return f"{prefix}/{int(free_moment(git, now, prefix) * 1000)}{suffix}"


def free_moment(git: Git, now: float, *prefixes: str) -> float:
    """Return ``now``, or the next moment whose millisecond names nothing below these prefixes, with or without a suffix."""
    names = git.run("for-each-ref", "--format=%(refname:lstrip=-1)", *prefixes).split()
    taken = {name.partition("-")[0] for name in names}
    while str(int(now * 1000)) in taken:
        now += 0.001
    return now


def rescue_branch(bare: Git, branch: str, name: str, now: float) -> str:
    """Save a branch whose worktree is gone, and the worker's stashes; returns the ref, empty if nothing was unsaved."""
    made = []
    if unpushed(bare, f"refs/heads/{branch}"):
        made.append((new_ref(bare, f"{RESCUE}/{name}", now), f"refs/heads/{branch}"))
    for number, commit in enumerate(unsaved_stashes(bare, name, branch)):
        made.append((new_ref(bare, f"{RESCUE}/{name}", now, f"-stash{number}"), commit))
    for ref, what in made:
        bare.run("update-ref", ref, what)
    return made[0][0] if made else ""


def unpushed(git: Git, head: str = "HEAD") -> tuple[str, ...]:
    """Return the commits of ``head`` on no remote and under no rescue ref, one line each, newest first."""
    if not git.commit_of(head):
        return ()
    return tuple(git.run("log", "--format=%h %s", head, "--not", "--remotes", f"--glob={RESCUE}/*").splitlines())


def rescue(git: Git, name: str, now: float) -> str:
    """Save uncommitted, untracked and unpushed work, and the branch's stashes, as rescue refs.

    Returns the ref of the work (or of the first other ref made), empty if nothing was unsaved.
    """
    ref = new_ref(git, f"{RESCUE}/{name}", now)
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
    """Save the work and branches of submodules and clones in the worktree; returns the refs ``<ref>-in-<number>``."""
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
    """Commit the working tree on top of HEAD using a temporary index, so that index and branch stay unchanged."""
    head = git.commit_of("HEAD")
    with own_index(git.run("rev-parse", "--absolute-git-dir")) as env:
        git.run("read-tree", head, env=env) if head else git.run("read-tree", "--empty", env=env)
        add_everything(git, "--all", env=env)
        tree = git.run("write-tree", env=env)
    return commit_tree(git, tree, head, message)


def commit_tree(git: Git, tree: str, parent: str, message: str) -> str:
    """Create a commit of ``tree`` on ``parent`` (none if empty), on no branch."""
    signer = Git(git.path, identity=git.identity or ENGINE)
    return signer.run("commit-tree", tree, *(("-p", parent) if parent else ()), "-m", message)


def put_back(git: Git, saved: str) -> None:
    """Restore branch and files as saved by ``commit_of_everything``; the current state is overwritten."""
    # untracked files would otherwise stay
    add_everything(git, "--all")
    git.run("read-tree", "-u", "--reset", saved)
    git.run("reset", "--quiet", f"{saved}^")


def common_dir(git: Git) -> str:
    """Return the repository folder that the worktree shares with its siblings."""
    return os.path.normpath(os.path.join(git.path, git.run("rev-parse", "--git-common-dir")))


def exclude(git: Git, patterns: Iterable[str] = OURS) -> None:
    """Hide ``patterns`` from git in every worktree of this repository, and remove patterns that hid too much.

    Tracked files are never hidden.  Cheap if nothing changes.
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
    """Set user.name and user.email for this worktree only."""
    own_configuration(git)
    git.run("config", "--worktree", "user.name", identity.name)
    git.run("config", "--worktree", "user.email", identity.email)


def own_configuration(git: Git) -> None:
    """Enable per-worktree configuration for the repository, once."""
    common = common_dir(git)
    shared = os.path.join(common, "config")
    told = git.attempt(
        "config", "--file", shared, "--get-regexp", r"^(extensions\.worktreeconfig|core\.bare)$"
    ).out.lower()
    if "extensions.worktreeconfig true" in told and "core.bare true" not in told:
        return
    with FileLock(shared + ".gastown.lock"):
        if "core.bare true" in told:
            # with the extension on, a shared core.bare makes every worktree bare, so it is moved first; after a kill in
            # between, git still recognises the repository as bare by its layout
            git.run("config", "--file", os.path.join(common, "config.worktree"), "core.bare", "true")
            git.attempt("config", "--file", shared, "--unset", "core.bare")
        git.run("config", "--file", shared, "extensions.worktreeConfig", "true")
