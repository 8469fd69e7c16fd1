"""The diff of a worktree against its target, or of a branch: files, hunks, lines; bounded, whatever the repository holds.

git makes the patch and unidiff reads it.  A worktree's diff has four sections: what is committed since the branch left
its target, what is staged, what is not, and what git does not know yet.  git's own filters and external diff programs
are not run: a repository's settings must not start programs in the console.
"""

from __future__ import annotations

import os
import stat

from gastown_core.errors import GitError
from gastown_core.files import system
from gastown_core.git.repo import Git
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidiff.patch import Hunk as ParsedHunk
    from unidiff.patch import PatchedFile

COMMITTED, STAGED, UNSTAGED, UNTRACKED = "committed", "staged", "unstaged", "untracked"
ADDED, DELETED, RENAMED, MODIFIED = "added", "deleted", "renamed", "modified"
ADD, REMOVE, KEEP = "+", "-", " "

MOST_BYTES = 4 << 20
"""So much of a section's patch is read; files beyond it are listed without their lines."""
MOST_LINES = 5_000
"""So many lines of one file are kept."""
MOST_CHARS = 2_000
"""So many characters of one line are kept."""
MOST_UNTRACKED = 200
MOST_UNTRACKED_BYTES = 256 << 10
"""So many untracked files are read, and so much of each."""
_PLAIN = ("-c", "core.quotePath=off", "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false")
_OPTIONS = (
    "--numstat",
    "--patch",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--find-renames",
    "--submodule=short",
)


class DiffLine(Record):
    """One line: its kind (``+``, ``-`` or a blank), its number before and after (0: it is not there), its text."""

    kind: str
    old: int
    new: int
    text: str


class Hunk(Record):
    """A run of lines with the unchanged ones around them; ``heading`` is git's name of the place, often a function."""

    heading: str
    lines: tuple[DiffLine, ...]


class FileDiff(Record):
    """One file's changes; ``before`` is its earlier path if it was renamed, ``note`` why lines are missing."""

    section: str
    path: str
    state: str
    added: int
    removed: int
    hunks: tuple[Hunk, ...] = ()
    before: str = ""
    note: str = ""


class Diff(Record):
    """All changes: the branch, the target that it is compared with, and the commit where they parted."""

    branch: str
    target: str
    base: str
    files: tuple[FileDiff, ...] = ()

    @property
    def added(self) -> int:
        """The number of added lines."""
        return sum(one.added for one in self.files)

    @property
    def removed(self) -> int:
        """The number of removed lines."""
        return sum(one.removed for one in self.files)


def worktree_diff(path: str, target: str) -> Diff:
    """Return what the worktree holds beyond ``target`` (a revision). Raises GitError."""
    git = Git(path, timeout_s=20.0)
    head = git.commit_of("HEAD")
    base = parting(git, target, "HEAD")[0] if head else ""
    files: list[FileDiff] = []
    if base != head:
        files += _section(git, COMMITTED, base, head)
    if head:
        files += _section(git, STAGED, "--cached", head)
    files += _section(git, UNSTAGED)
    return Diff(git.branch(), target, base, (*files, *_untracked(git)))


def branch_diff(path: str, branch: str, target: str) -> Diff:
    """Return what ``branch`` holds beyond ``target``, in any repository, bare or not. Raises GitError."""
    git = Git(path, timeout_s=20.0)
    base, head = parting(git, target, branch)
    return Diff(branch, target, base, tuple(_section(git, COMMITTED, base, head)))


def parting(git: Git, target: str, head: str) -> tuple[str, str]:
    """Return the commit where ``head`` left ``target``, and ``head``'s own.

    Raises GitError if a revision does not exist, or would be taken for an option, or if nothing connects them.
    """
    commits = []
    for rev in (target, head):
        commit = "" if rev.startswith("-") else git.commit_of(rev)
        if not commit:
            raise GitError(
                f"cannot compare with {target}", f"{git.path} has no revision {rev}", "fetch it, then try again"
            )
        commits.append(commit)
    done = git.attempt("merge-base", *commits)
    if done.code != 0 or not done.out.strip():
        raise GitError(f"cannot compare {head} with {target}", "they have no common ancestor")
    return done.out.split()[0], commits[1]


def _section(git: Git, name: str, *revisions: str) -> list[FileDiff]:
    data, is_cut = git.beginning(*_PLAIN, "diff", *_OPTIONS, *revisions, "--", most=MOST_BYTES)
    text = data.decode("utf-8", "replace")
    # a line of counts starts with a digit or a dash, a line of a file with a sign or a blank: only a head matches
    stats, found, patch = text.partition("\ndiff --git ")
    patch = found[1:] + patch
    if is_cut:
        patch = patch[: max(0, patch.rfind("\ndiff --git "))]
    files = [_file(name, one) for one in _parse(patch)]
    if is_cut:
        files += _unread(name, stats, len(files))
    return files


def _parse(patch: str) -> list[PatchedFile]:
    # imported by the first diff: the console starts without it
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    try:
        return list(PatchSet(patch))
    except UnidiffParseError as error:
        raise GitError("cannot read git's diff", str(error), "look at it with git diff in the worktree") from error


def _unread(section: str, stats: str, known: int) -> Iterator[FileDiff]:
    """Yield the files of git's counts beyond those whose patch was read whole; both are in the same order."""
    for line in stats.splitlines()[known:]:
        added, _, rest = line.partition("\t")
        removed, _, path = rest.partition("\t")
        if path:
            counts = [int(count) if count.isdigit() else 0 for count in (added, removed)]
            yield FileDiff(section, path, MODIFIED, counts[0], counts[1], note="the diff is too large to show here")


def _file(section: str, parsed: PatchedFile) -> FileDiff:
    state = (
        ADDED
        if parsed.is_added_file
        else DELETED
        if parsed.is_removed_file
        else RENAMED
        if parsed.is_rename
        else MODIFIED
    )
    hunks, left = [], MOST_LINES
    for one in parsed:
        if left <= 0:
            break
        hunk = _hunk(one, left)
        left -= len(hunk.lines)
        hunks.append(hunk)
    total = sum(len(one) for one in parsed)
    shown = sum(len(hunk.lines) for hunk in hunks)
    note = ""
    if parsed.is_binary_file:
        note = "a binary file"
    elif left <= 0 and total > shown:
        note = f"{total - shown:,} more lines"
    elif not parsed and state == MODIFIED:
        note = "only its mode changed"
    before = (parsed.source_file or "").removeprefix("a/") if parsed.is_rename else ""
    return FileDiff(section, parsed.path, state, parsed.added, parsed.removed, tuple(hunks), before, note)


def _hunk(parsed: ParsedHunk, most: int) -> Hunk:
    lines: list[DiffLine] = []
    for line in parsed:
        if len(lines) >= most:
            break
        if line.line_type in (ADD, REMOVE, KEEP):
            text = line.value.rstrip("\n")[:MOST_CHARS]
            lines.append(DiffLine(line.line_type, line.source_line_no or 0, line.target_line_no or 0, text))
    return Hunk(parsed.section_header or "", tuple(lines))


def _untracked(git: Git) -> Iterator[FileDiff]:
    data, _ = git.beginning("ls-files", "--others", "--exclude-standard", "-z", most=MOST_BYTES)
    names = [os.fsdecode(name) for name in data.split(b"\0") if name]
    for name in names[:MOST_UNTRACKED]:
        yield _new_file(git.path, name)
    for name in names[MOST_UNTRACKED:]:
        yield FileDiff(UNTRACKED, name, ADDED, 0, 0, note="not read: there are too many untracked files")


def _new_file(root: str, name: str) -> FileDiff:
    """Return an untracked file as wholly added; links, devices and folders are named and not opened."""
    try:
        fd = os.open(os.path.join(root, name), os.O_RDONLY | system.NOFOLLOW | system.NONBLOCK | system.EXACT)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return FileDiff(UNTRACKED, name, ADDED, 0, 0, note="not a regular file")
            data = os.read(fd, MOST_UNTRACKED_BYTES + 1)
        finally:
            os.close(fd)
    except OSError as error:
        return FileDiff(UNTRACKED, name, ADDED, 0, 0, note=f"cannot be read: {error.strerror}")
    if b"\0" in data:
        return FileDiff(UNTRACKED, name, ADDED, 0, 0, note="a binary file")
    is_cut = len(data) > MOST_UNTRACKED_BYTES
    texts = data[:MOST_UNTRACKED_BYTES].decode("utf-8", "replace").removesuffix("\n").split("\n") if data else []
    lines = tuple(DiffLine(ADD, 0, at, text[:MOST_CHARS]) for at, text in enumerate(texts[:MOST_LINES], 1))
    note = f"only its first {len(lines):,} lines" if is_cut or len(texts) > len(lines) else "" if data else "empty"
    return FileDiff(UNTRACKED, name, ADDED, len(texts), 0, (Hunk("", lines),) if lines else (), note=note)
