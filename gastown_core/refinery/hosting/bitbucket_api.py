"""Pull requests of Bitbucket Cloud through its API 2.0.  It has no auto-merge: the merge is asked for until it is allowed."""

from __future__ import annotations

from urllib.parse import quote

from gastown_core.refinery.hosting.pull_request import CLOSED, MERGED, OPEN, HostError, PullRequest
from gastown_core.refinery.hosting.web_api import RefusedError, call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STATES = {"OPEN": OPEN, "MERGED": MERGED, "DECLINED": CLOSED, "SUPERSEDED": CLOSED}


class BitbucketApi:
    """A repository ``workspace/name`` at ``base`` (``https://api.bitbucket.org/2.0``)."""

    def __init__(self, base: str, repository: str, token: str) -> None:
        self.base, self.repository, self.token = base.rstrip("/"), repository, token

    def find(self, branch: str, target: str) -> PullRequest | None:
        """Return the open pull request of a branch."""
        wanted = f'source.branch.name="{branch}" AND destination.branch.name="{target}" AND state="OPEN"'
        found = self._call("GET", f"?q={quote(wanted, safe='')}&pagelen=1")
        values = found.get("values") if isinstance(found, dict) else None
        return _request_of(values[0]) if values else None

    def open(self, branch: str, target: str, title: str, body: str) -> PullRequest:
        """Open a pull request; the branch stays, since the engine deletes it after the proof."""
        told = {
            "title": title,
            "description": body,
            "source": {"branch": {"name": branch}},
            "destination": {"branch": {"name": target}},
            "close_source_branch": False,
        }
        return _request_of(self._call("POST", "", told))

    def look(self, number: int) -> PullRequest:
        """Return a pull request as it is now."""
        return _request_of(self._call("GET", f"/{number}"))

    def merge_when_ready(self, request: PullRequest) -> str:
        """Merge it with a merge commit, unless its head is another one by now, or Bitbucket refuses."""
        now = self.look(request.number)
        # Bitbucket names commits by their first twelve digits
        if not request.head.startswith(now.head) or not now.head:
            return f"its head is {now.head[:8] or 'unknown'}, not {request.head[:8]}"
        try:
            self._call("POST", f"/{request.number}/merge", {"merge_strategy": "merge_commit"})
        except RefusedError as error:
            return error.why
        return ""

    def hold_back(self, request: PullRequest) -> None:
        """Do nothing: Bitbucket merges nothing by itself."""

    def close(self, number: int) -> None:
        """Decline a pull request."""
        self._call("POST", f"/{number}/decline")

    def _call(self, method: str, path: str, body: object = None) -> Any:
        return call(method, f"{self.base}/repositories/{self.repository}/pullrequests{path}", self.token, body=body)


def _request_of(found: Any) -> PullRequest:
    try:
        url, head = found["links"]["html"]["href"], found["source"]["commit"]["hash"]
        return PullRequest(int(found["id"]), str(url), _STATES[str(found["state"])], str(head))
    except (KeyError, TypeError, ValueError) as error:
        raise HostError(
            "Bitbucket does not describe a pull request as expected", repr(error), "try again later"
        ) from error
