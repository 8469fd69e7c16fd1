"""Every failure a person can meet, as what happened, why, and what to try next.

Invariant: nothing below the command line prints or exits; it raises one of these.  Exit codes are the
house's four: 0 done, 1 failure, 2 usage, 3 partly done.
"""

from __future__ import annotations


class GastownError(Exception):
    """A failure with its reason and the next thing to try.

    ``what`` is one short sentence, ``why`` the cause as far as it is known, ``hint`` the next step.
    A hint never names a flag that destroys data.
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what

    def as_json(self) -> dict[str, object]:
        """The error as ``--json`` prints it: ``error``, ``why`` and ``hint`` (the latter two only if known)."""
        out: dict[str, object] = {"error": self.what}
        if self.why:
            out["why"] = self.why
        if self.hint:
            out["hint"] = self.hint
        return out


class UsageError(GastownError):
    """The words of the command line, or of a settings key, are off."""

    exit_code = 2


class PartialError(GastownError):
    """Some of several things were done and some were not; ``what`` counts both."""

    exit_code = 3


class NotFoundError(GastownError):
    """A bead, rig, agent, convoy or file that was named does not exist; ``hint`` lists near matches."""


class ConflictError(GastownError):
    """Somebody else changed or holds the thing first (a claim lost, a lock held, a stale update)."""


class StoreError(GastownError):
    """The ledger could not be read or written; the file is as it was before."""


class TownError(GastownError):
    """The folder is no town, or the town is in a state that forbids the request."""


class TmuxError(GastownError):
    """tmux is missing, gave no answer, or refused a command."""


class NoTmuxError(TmuxError):
    """There is no tmux on this machine; everything but sessions works without it."""


class GitError(GastownError):
    """git refused; ``why`` carries the reason in a line, ``said`` all that git and the hooks wrote, line by line."""

    def __init__(self, what: str, why: str = "", hint: str = "", *, said: str = "") -> None:
        super().__init__(what, why, hint)
        self.said = said

    def as_json(self) -> dict[str, object]:
        """As of every error, and ``said`` where it is more than the reason."""
        return {**super().as_json(), **({"said": self.said} if self.said not in ("", self.why) else {})}


class DeliveryError(GastownError):
    """Text could not be given to an agent; it was not typed anywhere else instead."""


class SettingsError(UsageError):
    """A settings file or key is wrong; the message names the key path and the allowed values."""


def words_of(problem: BaseException) -> str:
    """What went wrong in words: our own errors speak for themselves, a fault in the programme is named with its kind."""
    if isinstance(problem, GastownError):
        return str(problem)
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.strerror}: {problem.filename}" if problem.filename else problem.strerror
    return f"{type(problem).__name__}: {problem}"
