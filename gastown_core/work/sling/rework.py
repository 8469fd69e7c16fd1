"""Work that came back from the merge queue: what ``metadata.rework`` says of it, for whoever gets it next."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.bead import Bead

_SHOWN = 4000


class Rework(Record):
    """Why and how often the work came back; ``branch`` holds what there is, ``worker`` who made it."""

    mr: str
    branch: str
    attempt: int
    failure: str
    worker: str = ""

    def lines(self) -> list[str]:
        """For the worker's briefing."""
        again = f" (attempt {self.attempt + 1})" if self.attempt else ""
        out = ["", f"## Why it came back{again}", ""]
        out.append(f"{self.mr or 'The merge request'} was not merged. The work so far is on {self.branch}.")
        text = self.failure.strip()
        if text:
            tail = text if len(text) <= _SHOWN else "… " + text[-_SHOWN:]
            out += ["", *(f"    {line}" for line in tail.splitlines())]
        return [*out, "", "Mend this on your branch, then gt done hands it in again."]


def rework_of(bead: Bead) -> Rework | None:
    """What the refinery wrote, None if the work never came back."""
    metadata = bead.raw.get("metadata")
    found = metadata.get("rework") if isinstance(metadata, dict) else None
    if not isinstance(found, dict) or not found.get("branch"):
        return None
    attempt = found.get("attempt")
    branch = str(found["branch"])
    worker = str(found.get("worker") or "")
    if not worker and branch.startswith("polecat/"):
        worker = branch.split("/")[1].partition("@")[0]
    count = attempt if isinstance(attempt, int) and not isinstance(attempt, bool) else 0
    return Rework(str(found.get("mr") or ""), branch, count, str(found.get("failure") or ""), worker)
