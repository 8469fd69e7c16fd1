"""Pull requests of GitHub through its REST API, and its GraphQL for what REST lacks: auto-merge and the merge queue."""

from __future__ import annotations

from urllib.parse import quote

from gastown_core.refinery.hosting.gh import WAITS
from gastown_core.refinery.hosting.pull_request import CLOSED, MERGED, OPEN, HostError, PullRequest
from gastown_core.refinery.hosting.web_api import RefusedError, call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_AUTO = (
    "mutation($id: ID!, $head: GitObjectID!) { enablePullRequestAutoMerge("
    "input: {pullRequestId: $id, mergeMethod: MERGE, expectedHeadOid: $head}) { clientMutationId } }"
)
_ENQUEUE = (
    "mutation($id: ID!, $head: GitObjectID!) { enqueuePullRequest("
    "input: {pullRequestId: $id, expectedHeadOid: $head}) { clientMutationId } }"
)
_NO_AUTO = "mutation($id: ID!) { disablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId } }"
_DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { clientMutationId } }"


class GitHubApi:
    """A repository ``owner/name`` at ``base`` (``https://api.github.com``), with a token from the environment."""

    def __init__(self, base: str, repository: str, token: str) -> None:
        self.base, self.repository, self.token = base.rstrip("/"), repository, token

    def find(self, branch: str, target: str) -> PullRequest | None:
        """Return the open pull request of a branch."""
        owner = self.repository.partition("/")[0]
        query = f"?state=open&head={quote(f'{owner}:{branch}', safe='')}&base={quote(target, safe='')}&per_page=1"
        found = self._call("GET", f"/pulls{query}")
        return _request_of(found[0]) if isinstance(found, list) and found else None

    def open(self, branch: str, target: str, title: str, body: str) -> PullRequest:
        """Open a pull request."""
        return _request_of(self._call("POST", "/pulls", {"head": branch, "base": target, "title": title, "body": body}))

    def look(self, number: int) -> PullRequest:
        """Return a pull request as it is now."""
        return _request_of(self._call("GET", f"/pulls/{number}"))

    def merge_when_ready(self, request: PullRequest) -> str:
        """Turn on auto-merge; else put it into the merge queue; else merge it now, if nothing is in the way."""
        node = str(self._call("GET", f"/pulls/{request.number}").get("node_id", ""))
        said = []
        for mutation in (_AUTO, _ENQUEUE):
            refused = self._mutate(mutation, node, request.head)
            if not refused:
                return ""
            said.append(refused)
        try:
            self._call("PUT", f"/pulls/{request.number}/merge", {"sha": request.head, "merge_method": "merge"})
        except RefusedError as error:
            # 405: not mergeable yet, or the method is not allowed; 409: the head is another one
            return "; ".join((*said, error.why))
        return ""

    def hold_back(self, request: PullRequest) -> None:
        """Turn auto-merge off and take it out of the merge queue; it is in one of them at most, so refusals tell nothing."""
        node = str(self._call("GET", f"/pulls/{request.number}").get("node_id", ""))
        for mutation in (_NO_AUTO, _DEQUEUE):
            self._mutate(mutation, node, request.head)

    def close(self, number: int) -> None:
        """Close a pull request without a merge."""
        self._call("PATCH", f"/pulls/{number}", {"state": "closed"})

    def _mutate(self, mutation: str, node: str, head: str) -> str:
        """Return why GitHub did not do it, or an empty text."""
        # GitHub.com has /graphql beside /repos, a server of one's own /api/graphql beside /api/v3
        place = f"{self.base.removesuffix('/v3')}/graphql"
        told = call("POST", place, self.token, body={"query": mutation, "variables": {"id": node, "head": head}})
        errors = told.get("errors") if isinstance(told, dict) else None
        return "; ".join(str(one.get("message")) for one in errors if isinstance(one, dict)) if errors else ""

    def _call(self, method: str, path: str, body: object = None) -> Any:
        return call(method, f"{self.base}/repos/{self.repository}{path}", self.token, body=body)


def _request_of(found: Any) -> PullRequest:
    try:
        state = MERGED if found.get("merged_at") else OPEN if found["state"] == "open" else CLOSED
        waits = WAITS.get(str(found.get("mergeable_state", "")).upper(), "") if state == OPEN else ""
        return PullRequest(int(found["number"]), str(found["html_url"]), state, str(found["head"]["sha"]), waits)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HostError(
            "GitHub does not describe a pull request as expected", repr(error), "try again later"
        ) from error
