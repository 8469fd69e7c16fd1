"""Worktrees whose folder is gone, and folders that are no worktree any more: found, saved under a ref, cleared away.

Finding changes nothing.  What is cleared away is first under a rescue ref, and what a ref cannot hold is named.
"""

from __future__ import annotations

import glob
import os
import shutil

from gastown_core.errors import GitError
from gastown_core.git.own_index import own_index
from gastown_core.git.repo import Git
from gastown_core.git.worktree import RESCUE, Worktree, commit_tree, list_worktrees, new_ref, unpushed

MOVED, BROKEN = "moved", "broken"
"""A worktree that git knows at another path; a folder that git knows nothing of."""


def lost(bare: Git) -> list[Worktree]:
    """Return the worktrees whose folder is gone.

    Not those that are locked, as one on a removable disk is, nor those that were moved.
    """
    gone = [one for one in list_worktrees(bare) if not one.is_bare and not os.path.lexists(one.path)]
    moved = _claimed(bare) if gone else set()
    return [
        tree
        for tree in gone
        if not os.path.exists(_record(bare, tree, "locked"))
        and os.path.realpath(os.path.dirname(_record(bare, tree, "gitdir"))) not in moved
    ]


def _claimed(bare: Git) -> set[str]:
    """Return git's records that a folder of the rig or of a dog names as its own."""
    return {os.path.realpath(record) for one in _folders(bare) if (record := _record_of(bare, one))}


def moved(bare: Git) -> list[str]:
    """Return the folders of the rig and of dogs whose worktree git knows at another path, which is gone."""
    return [one for one in _folders(bare) if stray(bare, one) == MOVED]


def _folders(bare: Git) -> list[str]:
    """Return the folders that hold a worktree, by the file ``.git`` in them."""
    rig_path = os.path.dirname(bare.path)
    town, rig = os.path.split(rig_path)
    below = [os.path.join(glob.escape(rig_path), *stars, ".git") for stars in (("*", "*"), ("*", "*", "*"))]
    dogs = os.path.join(glob.escape(town), "deacon", "dogs", "*", glob.escape(rig), ".git")
    marks = [one for pattern in (*below, dogs) for one in sorted(glob.glob(pattern)) if os.path.isfile(one)]
    return [os.path.dirname(one) for one in marks]


def has_work(bare: Git, tree: Worktree) -> bool:
    """Return whether a lost worktree held commits that are on no remote, or files that were added to its index."""
    return bool(unpushed(bare, tree.head)) or _has_staged(bare, tree)


def save_lost(bare: Git, tree: Worktree, now: float) -> str:
    """Put what is left of a lost worktree under a rescue ref; returns it, empty if there is nothing to save."""
    if not has_work(bare, tree):
        return ""
    commit = tree.head
    if _has_staged(bare, tree):
        staged = bare.run("write-tree", env={"GIT_INDEX_FILE": _record(bare, tree, "index")})
        commit = commit_tree(bare, staged, tree.head, "work saved from the index of a lost worktree")
    # workers of two roles can have one name, and are saved at one moment
    ref = new_ref(bare, lost_refs(tree), now)
    bare.run("update-ref", ref, commit)
    return ref


def lost_ref(tree: Worktree, now: float) -> str:
    """Return the name of the ref that saves a lost worktree."""
    return f"{lost_refs(tree)}/{int(now * 1000)}"


def lost_refs(tree: Worktree) -> str:
    """Return the prefix of that ref: it ends with the worker's name, for ``polecats/nux/shop`` as for ``polecats/nux``."""
    outer, name = os.path.split(tree.path)
    above = os.path.basename(outer)
    is_flat = not tree.branch or above in ("polecats", "crew")
    return f"{RESCUE}/{(name if is_flat else above) or 'worktree'}"


def forget(bare: Git, tree: Worktree, now: float) -> str:
    """Save a lost worktree and remove git's record of it; returns the ref. Raises GitError, and the record stays."""
    saved = save_lost(bare, tree, now)
    bare.run("worktree", "remove", "--force", tree.path)
    return saved


def _has_staged(bare: Git, tree: Worktree) -> bool:
    index = _record(bare, tree, "index")
    if not os.path.exists(index) or not bare.commit_of(tree.head):
        return False
    seen = bare.attempt("diff-index", "--cached", "--quiet", tree.head, "--", env={"GIT_INDEX_FILE": index})
    if seen.code > 1:
        raise GitError(f"the index of the lost worktree {tree.path} cannot be read", seen.err.strip())
    if seen.code == 0:
        return False
    staged = bare.run("write-tree", env={"GIT_INDEX_FILE": index})
    refs = bare.run("for-each-ref", "--format=%(tree)", RESCUE).split()
    return staged not in refs


def _record(bare: Git, tree: Worktree, name: str) -> str:
    """Return the path of a file in git's own record of a worktree; empty if there is no such record."""
    base = os.path.join(bare.path, "worktrees")
    for one in os.listdir(base) if os.path.isdir(base) else ():
        if _first_line(os.path.join(base, one, "gitdir")) == os.path.join(tree.path, ".git"):
            return os.path.join(base, one, name)
    return ""


def stray(bare: Git, folder: str) -> str:
    """Return how a folder that should be a worktree is none: ``moved``, ``broken``, or empty if it is one.

    A repository of its own, and a link, are left alone.
    """
    mark = os.path.join(folder, ".git")
    if os.path.islink(folder) or os.path.isdir(mark):
        return ""
    record = _record_of(bare, folder)
    if not record:
        return BROKEN
    known = _first_line(os.path.join(record, "gitdir"))
    if not known:
        # a submodule
        return ""
    if os.path.realpath(known) == os.path.realpath(mark):
        return "" if os.path.realpath(record) == os.path.realpath(_pointed_to(folder)) else MOVED
    return MOVED if not os.path.lexists(known) else "" if os.path.exists(_pointed_to(folder)) else BROKEN


def _record_of(bare: Git, folder: str) -> str:
    """Return git's record that a folder names as its own; after a move of the whole town by its name; empty if none."""
    pointed = _pointed_to(folder)
    here = os.path.join(bare.path, "worktrees", os.path.basename(pointed))
    places = (pointed, here) if os.path.basename(os.path.dirname(pointed)) == "worktrees" else (pointed,)
    found = (one for one in places if pointed and os.path.isfile(os.path.join(one, "HEAD")))
    return next(found, "")


def _pointed_to(folder: str) -> str:
    mark = _first_line(os.path.join(folder, ".git"))
    return os.path.join(folder, mark.removeprefix("gitdir:").strip()) if mark.startswith("gitdir:") else ""


def bring_home(bare: Git, folder: str) -> None:
    """Tell git where a moved worktree lies now. Raises GitError."""
    bare.run("worktree", "repair", folder)


def repositories_in(folder: str) -> list[str]:
    """Return the repositories inside the folder: a ref of another repository cannot hold what they hold."""
    return [where for where, below, files in os.walk(folder) if where != folder and ".git" in (*below, *files)]


def left_out(bare: Git, folder: str) -> list[str]:
    """Return what a rescue ref of the folder would not hold: what the project's .gitignore names."""
    rows = bare.run(*_at(bare, folder), "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    return [name for name in rows.split("\0") if name]


def save_folder(bare: Git, folder: str, name: str, now: float) -> str:
    """Put the files of a folder that is no worktree under a rescue ref; returns it, empty if there are none."""
    with own_index(bare.path) as env:
        bare.run("read-tree", "--empty", env=env)
        bare.run(*_at(bare, folder), "add", "--all", "--", ".", env=env)
        if not bare.run("ls-files", env=env):
            return ""
        tree = bare.run("write-tree", env=env)
    ref = new_ref(bare, f"{RESCUE}/{name}", now)
    bare.run("update-ref", ref, commit_tree(bare, tree, "", "files saved from a folder that was no worktree any more"))
    return ref


def clear_folder(bare: Git, folder: str, name: str, now: float) -> str:
    """Save a folder that is no worktree, then remove it; returns the ref.

    Raises GitError if it holds repositories or cannot be saved, OSError if it cannot be removed.
    """
    inside = repositories_in(folder)
    if inside:
        raise GitError(
            f"{folder} holds the repository {inside[0]}",
            "a rescue ref cannot hold it",
            "push or move it, then remove the folder",
        )
    saved = save_folder(bare, folder, name, now)
    shutil.rmtree(folder)
    return saved


def _at(bare: Git, folder: str) -> tuple[str, ...]:
    return "-C", folder, f"--git-dir={bare.path}", f"--work-tree={folder}"


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.readline().rstrip("\n")
    except OSError:
        return ""
