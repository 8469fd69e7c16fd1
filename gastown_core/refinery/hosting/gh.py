"""Pull requests of GitHub through its own program ``gh``, which knows the person's log-in."""

from __future__ import annotations

from gastown_core.model.json_text import decode_json
from gastown_core.process import run
from gastown_core.refinery.hosting.pull_request import CLOSED, MERGED, OPEN, HostError, PullRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIELDS = "number,url,state,headRefOid,mergeStateStatus,autoMergeRequest,isDraft"
PATIENCE_S = 30.0
_STATES = {"OPEN": OPEN, "MERGED": MERGED, "CLOSED": CLOSED}
WAITS = {
    "BLOCKED": "checks or reviews that the branch's protection wants",
    "BEHIND": "an update from the target",
    "DIRTY": "a conflict with the target",
    "UNSTABLE": "checks that are red or still run",
    "DRAFT": "somebody to mark it as ready",
}
"""What GitHub calls the state of a merge → what it waits for."""


class GhProgram:
    """A repository of GitHub, ``owner/name``, as ``gh`` sees it."""

    def __init__(self, host: str, repository: str) -> None:
        # gh takes HOST/OWNER/NAME, so that a GitHub of one's own is asked, too
        self.repository = repository if host == "github.com" else f"{host}/{repository}"

    def find(self, branch: str, target: str) -> PullRequest | None:
        """Return the open pull request of a branch."""
        found = self._json(
            "list", "--head", branch, "--base", target, "--state", "open", "--limit", "1", "--json", FIELDS
        )
        return _request_of(found[0]) if isinstance(found, list) and found else None

    def open(self, branch: str, target: str, title: str, body: str) -> PullRequest:
        """Open a pull request."""
        # = keeps a title that begins with a hyphen from being an option
        self._run("create", "--head", branch, "--base", target, f"--title={title}", "--body-file", "-", stdin=body)
        made = self.find(branch, target)
        if made is None:
            raise HostError(f"gh opened a pull request for {branch} and does not list it", "", "gh pr list shows them")
        return made

    def look(self, number: int) -> PullRequest:
        """Return a pull request as it is now."""
        return _request_of(self._json("view", str(number), "--json", FIELDS))

    def merge_when_ready(self, request: PullRequest) -> str:
        """Turn on auto-merge, or put it into the repository's merge queue: gh does whichever the target has."""
        words = ["merge", str(request.number), "--auto", "--merge", f"--match-head-commit={request.head}"]
        try:
            self._run(*words)
        except HostError as error:
            return error.why or str(error)
        return ""

    def hold_back(self, request: PullRequest) -> None:
        """Turn auto-merge off."""
        self._run("merge", str(request.number), "--disable-auto")

    def close(self, number: int) -> None:
        """Close a pull request without a merge."""
        self._run("close", str(number))

    def _json(self, *words: str) -> Any:
        shown = self._run(*words)
        try:
            return decode_json(shown)
        except ValueError as error:
            raise HostError(
                "gh answered something else than JSON", shown[:200], "gh --version shows which it is"
            ) from error

    def _run(self, *words: str, stdin: str = "") -> str:
        argv = ["gh", "pr", *words, "--repo", self.repository]
        done = run(argv, stdin=stdin.encode() if stdin else None, timeout_s=PATIENCE_S)
        if done.code != 0:
            why = (done.err or done.out).strip().replace("\n", "; ")
            raise HostError(f"gh pr {words[0]} failed", why, "gh auth status shows whether you are logged in")
        return done.out


def _request_of(found: Any) -> PullRequest:
    try:
        state = _STATES[str(found["state"])]
        waits = (
            "somebody to mark it as ready"
            if found.get("isDraft")
            else WAITS.get(str(found.get("mergeStateStatus")), "")
        )
        return PullRequest(
            int(found["number"]), str(found["url"]), state, str(found["headRefOid"]), waits if state == OPEN else ""
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HostError(
            "gh does not describe a pull request as expected", repr(error), "gh --version shows which it is"
        ) from error
