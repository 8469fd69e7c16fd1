"""A span of the target's history: the commits from one that is known to a newer one, and what each of them brought."""

from __future__ import annotations

from gastown_core.git.landed import landed_requests
from gastown_core.model.record import Record
from gastown_core.refinery.stack import Stacked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.git.repo import Git


class Span(Record):
    """Commits by first parent, from the known one on, and a name for each but that: its request, else its short hash."""

    commits: tuple[Stacked, ...]
    names: tuple[str, ...]

    def stack(self, requests: Sequence[str]) -> Stacked:
        """The commit that has just these of the span."""
        return self.commits[len(requests)]


def span_of(git: Git, base: str, head: str) -> Span:
    """What came between the two commits. Raises GitError."""
    lines = git.run("log", "--first-parent", "--reverse", "--format=%H %T", f"{base}..{head}", "--").splitlines()
    first = Stacked(base, git.run("rev-parse", f"{base}^{{tree}}"))
    made = [Stacked(*line.split()) for line in lines]
    named = {one.commit: name for name, one in landed_requests(git, head, base).items()}
    return Span((first, *made), tuple(named.get(one.commit, one.commit[:8]) for one in made))
