"""What an agent said and did last, for the console: from the transcript that its program writes now, or wrote last."""

from __future__ import annotations

import os

from gastown_core.errors import NotFoundError
from gastown_core.files.atomic import read_json
from gastown_core.runtimes.heartbeat import heartbeat_path
from gastown_core.transcripts.entries import Entry as Entry
from gastown_core.transcripts.entries import Reading as Reading
from gastown_core.transcripts.entries import read_entries
from gastown_core.transcripts.search import newest_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import AgentView

SHOWN_BYTES = 512 << 10


def agent_transcript(root: str, agent: AgentView) -> Reading:
    """Return the newest entries of the agent's transcript. Raises NotFoundError without one, GastownError."""
    told = read_json(heartbeat_path(root, agent.session)) or {}
    path, runtime = told.get("transcript"), told.get("agent_runtime")
    if not isinstance(path, str) or not os.path.exists(path):
        known = newest_place(root, agent.key)
        if known is None:
            why = "its program keeps none that can be read, or has had no turn yet"
            raise NotFoundError(f"no transcript of {agent.address.short} is known", why, "4 shows its screen")
        path, runtime = known.path, known.runtime
    return read_entries(
        path, runtime if isinstance(runtime, str) and runtime else agent.runtime, most_bytes=SHOWN_BYTES
    )
