"""One wrapper around the git program: clean environment, own identity, git's words in the error.

Nothing here asks a question on the terminal, and nothing inherited from a surrounding git process (GIT_DIR and
its kin) reaches the git that we run.
"""

from __future__ import annotations

import os
import re

from gastown_core.errors import GitError
from gastown_core.model.record import Record
from gastown_core.process import Finished, ProcessTimeoutError, run, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Identity(Record):
    """Whose name stands on a commit, as author and as committer."""

    name: str
    email: str


ENGINE = Identity("Gas Town", "gastown@gastown.local")
"""Who signs commits of the engine where nobody else is known."""

_INHERITED = (
    "GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_COMMON_DIR GIT_NAMESPACE GIT_PREFIX "
    "GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CEILING_DIRECTORIES GIT_CONFIG GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS"
).split()


class Git:
    """git in one folder (a clone, a worktree or a bare repository)."""

    def __init__(self, path: str, *, identity: Identity | None = None, timeout_s: float = 60.0) -> None:
        self.path = path
        self.identity = identity
        self.timeout_s = timeout_s

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment git runs in."""
        env = {key: value for key, value in os.environ.items() if key not in _INHERITED}
        env.update(GIT_TERMINAL_PROMPT="0", GIT_EDITOR="true", GIT_OPTIONAL_LOCKS="0", LC_ALL="C")
        env.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
        if self.identity is not None:
            env.update(
                GIT_AUTHOR_NAME=self.identity.name,
                GIT_AUTHOR_EMAIL=self.identity.email,
                GIT_COMMITTER_NAME=self.identity.name,
                GIT_COMMITTER_EMAIL=self.identity.email,
            )
        env.update(extra or {})
        return env

    def attempt(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Finished:
        """Run ``git args``; a refusal is a value. Raises GitError only if git ran out of time."""
        try:
            return run(
                ["git", *args],
                cwd=self.path,
                env=self.environment(env),
                stdin=stdin,
                timeout_s=timeout_s or self.timeout_s,
            )
        except ProcessTimeoutError as error:
            raise GitError(f"git {args[0]} took too long", str(error), "is the remote reachable?") from error

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> str:
        """Run ``git args`` and give its output without the last newline. Raises GitError with git's words."""
        done = self.attempt(*args, stdin=stdin, env=env, timeout_s=timeout_s)
        if done.code != 0:
            raise refusal(args, done.err or done.out)
        return done.out.rstrip("\n")

    def stream(self, *args: str, on_progress: Callable[[str], None], timeout_s: float = 3600.0) -> None:
        """Run long work (clone, fetch); each progress line git writes is handed on. An interrupt ends git too."""
        from gastown_core.process import LATE, PIPE, end_family, follow, mark_family

        marked, mark = mark_family(self.environment())
        process = spawn(["git", *args], cwd=self.path, env=marked, stderr=PIPE)
        told = _Progress(on_progress)
        assert process.stderr is not None
        try:
            with process.stderr:
                if follow(process, {process.stderr: told.take}, timeout_s=timeout_s) == LATE:
                    raise GitError(f"git {args[0]} took longer than {timeout_s:g} s", " ".join(told.lines[-1:]))
        except BaseException:
            end_family(process.pid, mark)
            process.wait()
            raise
        told.take(b"\n")
        if process.returncode != 0:
            raise refusal(args, "\n".join(told.lines[-200:]))

    def commit_of(self, rev: str) -> str:
        """The full hash of a revision, empty if it does not exist."""
        done = self.attempt("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
        return done.out.strip() if done.code == 0 else ""

    def is_repository(self) -> bool:
        """Whether the folder is (in) a repository. Raises GitError where git does not tell, as of a strange owner."""
        done = self.attempt("rev-parse", "--git-dir")
        if done.code == 0:
            return True
        if "not a git repository" in done.err and "dubious ownership" not in done.err:
            return False
        raise refusal(("rev-parse",), done.err)

    def branch(self) -> str:
        """The branch that is checked out, empty if detached."""
        done = self.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
        return done.out.strip() if done.code == 0 else ""

    def config(self, key: str) -> str:
        """A configuration value, empty if unset."""
        done = self.attempt("config", "--get", key)
        return done.out.rstrip("\n") if done.code == 0 else ""


class _Progress:
    """The lines of a progress stream as they come; git ends them with CR or LF."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self.lines: list[str] = []
        self._on_line = on_line
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Hand on the lines that are whole now."""
        *lines, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        for line in filter(None, (raw.decode("utf-8", "replace").strip() for raw in lines)):
            self.lines.append(line)
            self._on_line(line)


_NOISE = re.compile(
    r"To \S+$|hint:|Done$|error: failed to push some refs|remote:\s*$|Everything up-to-date|Cloning into "
    r"|(remote: )?(Enumerating|Counting|Compressing|Writing|Receiving|Unpacking) |(remote: )?(Total|Resolving deltas|Delta compression)"
)
"""Lines that say nothing about why git refused."""
_VERDICT = re.compile(r"(remote: )*(error|fatal):", re.IGNORECASE)
"""Lines with which git itself says why; much advice may follow."""
_MOST_LINES = 8


def _shortened(lines: list[str]) -> list[str]:
    """Git's own verdicts and the last lines, with a word on how many are missing before them."""
    if len(lines) <= _MOST_LINES:
        return lines
    verdicts = [number for number, line in enumerate(lines) if _VERDICT.match(line)][: _MOST_LINES // 2]
    room = _MOST_LINES - len(verdicts)
    ends = [number for number in range(len(lines)) if number not in verdicts][-room:]
    kept = sorted({*verdicts, *ends})
    return [f"({len(lines) - len(kept)} lines before)", *(lines[number] for number in kept)]


def refusal(args: tuple[str, ...], said: str) -> GitError:
    """The error for a git command that failed: why, in what git and the hooks said of it, and all they said.

    A hook or a server gives its reason on lines of its own before git's closing words, so those alone are never it.
    """
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    telling = [line for line in lines if not _NOISE.match(line)] or lines
    why = "; ".join(_shortened(telling))
    hint = ""
    if "could not read Username" in said or "Authentication failed" in said:
        hint = "an https remote needs a stored credential; an ssh URL (git@host:path) uses your key instead"
    elif "Permission denied (publickey)" in said:
        hint = "your ssh key is not accepted there; try ssh -T on that host"
    elif "dubious ownership" in said:
        hint = "the folder belongs to somebody else; git config --global --add safe.directory PATH trusts it"
    elif "refusing to update checked out branch" in said or "branch is currently checked out" in said:
        hint = "the remote has that branch checked out; git config receive.denyCurrentBranch updateInstead there, or a bare one"
    return GitError(f"git {args[0] if args else ''} failed", why, hint, said="\n".join(lines))
