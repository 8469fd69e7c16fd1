"""A pull request as all hosts tell it, and what a host can do with one."""

from __future__ import annotations

from gastown_core.errors import GastownError
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Host(Protocol):
        """Opens and follows pull requests of one repository. Every method raises HostError."""

        def find(self, branch: str, target: str) -> PullRequest | None:
            """Return the open pull request of a branch, None if it has none."""

        def open(self, branch: str, target: str, title: str, body: str) -> PullRequest:
            """Open a pull request."""

        def look(self, number: int) -> PullRequest:
            """Return a pull request as it is now."""

        def merge_when_ready(self, request: PullRequest) -> str:
            """Let the host merge this very head as soon as it may; return why that is not possible yet, or an empty text.

            The commits stay as they are: a squash or rebase by the host would make others of them.
            """

        def hold_back(self, request: PullRequest) -> None:
            """Take back what ``merge_when_ready`` asked for: the host merges nothing by itself until it is asked again."""

        def close(self, number: int) -> None:
            """Close a pull request without a merge."""


OPEN, MERGED, CLOSED = "open", "merged", "closed"


class PullRequest(Record):
    """One pull request: where it is, whether it still stands, which commit it brings, and what it waits for."""

    number: int
    url: str
    state: str
    head: str
    waits_for: str = ""


class HostError(GastownError):
    """The host of the repository did not do what was asked: no program, no token, no answer, or a refusal."""


def repository_of(remote: str) -> tuple[str, str]:
    """Return host and ``owner/name`` of a remote's address. Raises HostError if the address has no such parts."""
    rest = remote.strip().removesuffix("/").removesuffix(".git")
    for scheme in ("https://", "http://", "ssh://", "git://"):
        if rest.startswith(scheme):
            rest = rest.removeprefix(scheme)
            break
    else:
        # git@github.com:owner/name
        host, colon, path = rest.partition(":")
        rest = f"{host}/{path}" if colon and "/" not in host else ""
    host, _, path = rest.rpartition("@")[2].partition("/")
    parts = path.split("/")
    if not host or len(parts) != 2 or not all(parts):
        raise HostError(
            "the rig's origin names no repository of a host",
            remote,
            "merge_queue.merge_strategy pr needs an origin such as https://github.com/owner/name.git",
        )
    return host.partition(":")[0].lower(), path
