"""Every failure a person can meet: what happened, why, and what to try next.

Code below the command line never prints or exits; it raises one of these.  Exit codes: 0 done, 1 failure, 2 usage,
3 partly done.
"""

from __future__ import annotations


class GastownError(Exception):
    """A failure with its cause and the next thing to try.

    ``what`` is one short sentence, ``why`` the cause if known, ``hint`` the next step.  A hint never names a flag that
    destroys data.
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
        """Return the object that ``--json`` prints: ``error``, and ``why`` and ``hint`` if known."""
        out: dict[str, object] = {"error": self.what}
        if self.why:
            out["why"] = self.why
        if self.hint:
            out["hint"] = self.hint
        return out


class UsageError(GastownError):
    """Invalid command line arguments or settings key."""

    exit_code = 2


class PartialError(GastownError):
    """Some of several items succeeded and some failed; ``what`` counts both."""

    exit_code = 3


class NotFoundError(GastownError):
    """The named bead, rig, agent, convoy or file does not exist; ``hint`` may list near matches."""


class ConflictError(GastownError):
    """Somebody else changed or holds the object first (a lost claim, a held lock, a stale update)."""


class StoreError(GastownError):
    """The ledger could not be read or written."""


class TownError(GastownError):
    """The folder is not a town, or the town's state forbids the request."""


class TmuxError(GastownError):
    """tmux is missing, did not answer, or refused a command."""


class NoTmuxError(TmuxError):
    """tmux is not installed; everything but sessions works without it."""


class GitError(GastownError):
    """git failed; ``why`` is the reason in one line, ``said`` the full output of git and its hooks."""

    def __init__(self, what: str, why: str = "", hint: str = "", *, said: str = "") -> None:
        super().__init__(what, why, hint)
        self.said = said

    def as_json(self) -> dict[str, object]:
        """Return the error as JSON, with ``said`` if it is more than the reason."""
        return {**super().as_json(), **({"said": self.said} if self.said not in ("", self.why) else {})}


class DeliveryError(GastownError):
    """Text could not be delivered to an agent; it was not typed anywhere else instead."""


class SettingsError(UsageError):
    """A settings file or key is wrong; the message names the key path and the allowed values."""


def words_of(problem: BaseException) -> str:
    """Return an exception as text: our own errors and OS errors by their message, any other with its class name."""
    if isinstance(problem, GastownError):
        return str(problem)
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.strerror}: {problem.filename}" if problem.filename else problem.strerror
    return f"{type(problem).__name__}: {problem}"
