"""One wrapper around the git program: clean environment, own identity, git's messages in the error.

git never prompts on the terminal, and variables of a surrounding git process (GIT_DIR and the like) are removed.
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
    """Author and committer of a commit."""

    name: str
    email: str


ENGINE = Identity("Gas Town", "gastown@gastown.local")
"""Author of the engine's commits if nobody else is known."""

_INHERITED = (
    "GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_COMMON_DIR GIT_NAMESPACE GIT_PREFIX "
    "GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CEILING_DIRECTORIES GIT_CONFIG GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS"
).split()
_REMOTE = frozenset(("clone", "fetch", "ls-remote", "push", "submodule"))
"""The commands that talk to a remote."""
_ASKS_NOTHING = "-oBatchMode=yes"


class Git:
    """git in one folder (a clone, a worktree or a bare repository)."""

    def __init__(self, path: str, *, identity: Identity | None = None, timeout_s: float = 60.0) -> None:
        self.path = path
        self.identity = identity
        self.timeout_s = timeout_s

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment for git; a command that talks to a remote gets ``_ssh`` as well."""
        env = {key: value for key, value in os.environ.items() if key not in _INHERITED}
        env.update(GIT_TERMINAL_PROMPT="0", GIT_EDITOR="true", GIT_OPTIONAL_LOCKS="0", LC_ALL="C")
        if self.identity is not None:
            env.update(
                GIT_AUTHOR_NAME=self.identity.name,
                GIT_AUTHOR_EMAIL=self.identity.email,
                GIT_COMMITTER_NAME=self.identity.name,
                GIT_COMMITTER_EMAIL=self.identity.email,
            )
        env.update(extra or {})
        return env

    def _environment_of(self, args: tuple[str, ...], extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment for one git command, which may have options before it."""
        env = self.environment(extra)
        if not _REMOTE.isdisjoint(args) and "GIT_SSH_COMMAND" not in env and (ssh := self._ssh(env)):
            env["GIT_SSH_COMMAND"] = ssh
        return env

    def _ssh(self, env: Mapping[str, str]) -> str:
        """The ssh command that asks nothing, with the options that a person configured; empty if they use another program."""
        asked = run(["git", "config", "--get", "core.sshCommand"], cwd=self.path, env=env, timeout_s=self.timeout_s)
        own = asked.out.strip() if asked.code == 0 else ""
        if not own:
            return "" if "GIT_SSH" in env else f"ssh {_ASKS_NOTHING}"
        return f"{own} {_ASKS_NOTHING}" if os.path.basename(own.split()[0]) == "ssh" else ""

    def attempt(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Finished:
        """Run ``git args``; a failure is a value. Raises GitError on a time-out."""
        try:
            return run(
                ["git", *args],
                cwd=self.path,
                env=self._environment_of(args, env),
                stdin=stdin,
                timeout_s=timeout_s or self.timeout_s,
            )
        except ProcessTimeoutError as error:
            raise GitError(f"git {args[0]} took too long", str(error), "check that the remote is reachable") from error

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> str:
        """Run ``git args`` and return its output without trailing newlines. Raises GitError with git's message."""
        done = self.attempt(*args, stdin=stdin, env=env, timeout_s=timeout_s)
        if done.code != 0:
            raise refusal(args, done.err or done.out)
        return done.out.rstrip("\n")

    def beginning(self, *args: str, most: int) -> tuple[bytes, bool]:
        """Run ``git args`` and return its output, at most ``most`` bytes, and whether it was cut; then git is killed.

        Raises GitError with git's message, or if it takes too long.
        """
        from gastown_core.process import LATE, PIPE, STOPPED, end_family, follow, mark_family

        marked, mark = mark_family(self.environment())
        process = spawn(["git", *args], cwd=self.path, env=marked, stdout=PIPE, stderr=PIPE)
        out, err = bytearray(), bytearray()
        assert process.stdout is not None and process.stderr is not None
        try:
            with process.stdout, process.stderr:
                takers = {process.stdout: out.extend, process.stderr: err.extend}
                ended = follow(process, takers, timeout_s=self.timeout_s, stopped=lambda: len(out) > most)
        except BaseException:
            end_family(process.pid, mark)
            process.wait()
            raise
        if ended:
            end_family(process.pid, mark)
            process.wait()
        if ended == LATE:
            raise GitError(f"git {args[0]} took longer than {self.timeout_s:g} s", err.decode("utf-8", "replace"))
        if ended != STOPPED and process.returncode != 0:
            raise refusal(args, err.decode("utf-8", "replace"))
        return bytes(out[:most]), len(out) > most

    def stream(self, *args: str, on_progress: Callable[[str], None], timeout_s: float = 3600.0) -> None:
        """Run a long command (clone, fetch), passing on git's progress; an interrupt kills git. Raises GitError."""
        from gastown_core.process import LATE, PIPE, end_family, follow, mark_family

        marked, mark = mark_family(self._environment_of(args))
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
        """Return the full hash of a revision's commit, empty if it does not exist."""
        done = self.attempt("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
        return done.out.strip() if done.code == 0 else ""

    def is_repository(self) -> bool:
        """Return whether the folder is in a repository. Raises GitError if git cannot tell, as for a foreign owner."""
        done = self.attempt("rev-parse", "--git-dir")
        if done.code == 0:
            return True
        if "not a git repository" in done.err and "dubious ownership" not in done.err:
            return False
        raise refusal(("rev-parse",), done.err)

    def branch(self) -> str:
        """Return the branch that is checked out, empty if HEAD is detached."""
        done = self.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
        return done.out.strip() if done.code == 0 else ""

    def config(self, key: str) -> str:
        """Return a configuration value, empty if unset."""
        done = self.attempt("config", "--get", key)
        return done.out.rstrip("\n") if done.code == 0 else ""


class _Progress:
    """Splits a progress stream into lines; git ends them with CR or LF."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self.lines: list[str] = []
        self._on_line = on_line
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Pass on the lines that are complete."""
        *lines, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        for line in filter(None, (raw.decode("utf-8", "replace").strip() for raw in lines)):
            self.lines.append(line)
            self._on_line(line)


_NOISE = re.compile(
    r"To \S+$|hint:|Done$|error: failed to push some refs|remote:\s*$|Everything up-to-date|Cloning into "
    r"|(remote: )?(Enumerating|Counting|Compressing|Writing|Receiving|Unpacking) |(remote: )?(Total|Resolving deltas|Delta compression)"
)
"""Output lines that do not explain a failure."""
_VERDICT = re.compile(r"(remote: )*(error|fatal):", re.IGNORECASE)
"""git's own error lines; advice may follow them."""
_MOST_LINES = 8


def _shortened(lines: list[str]) -> list[str]:
    """git's error lines and the last lines, with the number of omitted lines."""
    if len(lines) <= _MOST_LINES:
        return lines
    verdicts = [number for number, line in enumerate(lines) if _VERDICT.match(line)][: _MOST_LINES // 2]
    room = _MOST_LINES - len(verdicts)
    ends = [number for number in range(len(lines)) if number not in verdicts][-room:]
    kept = sorted({*verdicts, *ends})
    return [f"({len(lines) - len(kept)} lines omitted)", *(lines[number] for number in kept)]


def refusal(args: tuple[str, ...], said: str) -> GitError:
    """Return the error for a failed git command: the reason from git's and the hooks' output, and the whole output.

    A hook or server prints its reason before git's closing lines, so those alone are not enough.
    """
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    telling = [line for line in lines if not _NOISE.match(line)] or lines
    why = "; ".join(_shortened(telling))
    hint = ""
    if "could not read Username" in said or "Authentication failed" in said:
        hint = "an https remote needs a stored credential; an ssh URL (git@host:path) uses your key instead"
    elif "Permission denied (publickey)" in said:
        hint = "the host does not accept your ssh key; test it with ssh -T"
    elif "dubious ownership" in said:
        hint = "the folder belongs to another user; git config --global --add safe.directory PATH trusts it"
    elif "refusing to update checked out branch" in said or "branch is currently checked out" in said:
        hint = "that branch is checked out there; set receive.denyCurrentBranch=updateInstead, or use a bare repository"
    return GitError(f"git {args[0] if args else ''} failed", why, hint, said="\n".join(lines))
