"""What telemetry is told of transcripts: a note for each new message, with its last figures, and where it is allowed the entries."""

from __future__ import annotations

import os

from gastown_core.files.spool import spool_all
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.runtimes.adapter import Adapter
    from gastown_core.runtimes.usage import Usage
    from gastown_core.usage.usage_file import UsageFile
    from gastown_core.usage.usage_ledger import UsageLedger

    Fresh = dict[str, UsageFile]
    """The id of a message → the transcript that tells of it."""

CONTENT = "GT_LOG_AGENT_OUTPUT"
"""The opt-in by which the entries of transcripts may be told."""
LONGEST_TEXT = 8192
_ENTRIES = {
    "user": ("text", "user"),
    "agent": ("text", "assistant"),
    "tool": ("tool_use", "assistant"),
    "result": ("tool_result", "user"),
}
"""Kind of an entry, as adapters name it → its ``event_type`` and role."""
_FIGURES = "SELECT input, output, cache_read, cache_write FROM message WHERE id = ?"


def fresh_in(ledger: UsageLedger, source: UsageFile, used: Iterable[Usage]) -> Fresh:
    """Return the messages of a transcript that the ledger does not have yet."""
    keys = dict.fromkeys(f"{source.runtime}:{one.message}" for one in used)
    return {key: source for key in keys if ledger.db.execute(_FIGURES, (key,)).fetchone() is None}


def tell_usage(root: str, ledger: UsageLedger, fresh: Fresh, sessions: Mapping[str, str]) -> None:
    """Tell of these messages; ``sessions`` are the agents' tmux sessions."""
    notes: dict[str, list[tuple[str, dict[str, object]]]] = {}
    for key, source in fresh.items():
        row = ledger.db.execute(_FIGURES, (key,)).fetchone()
        if row is None:
            continue
        names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
        told: dict[str, object] = dict(zip(names, row, strict=True))
        told |= {"session": sessions.get(source.agent, ""), "agent_type": source.runtime}
        told["native_session_id"] = _session_in(source)
        notes.setdefault(source.agent, []).append(("agent.usage", told))
    for agent, some in notes.items():
        spool_all(root, some, actor=agent)


def tell_entries(root: str, source: UsageFile, lines: Iterable[bytes], adapter: Adapter, session: str) -> None:
    """Tell the entries of new lines, each with its text; junk and lines of other kinds have none."""
    notes: list[tuple[str, dict[str, object]]] = []
    whose = {"session": session, "agent_type": source.runtime, "native_session_id": _session_in(source)}
    for line in lines:
        try:
            value = decode_json(line)
        except ValueError:
            continue
        for kind, text in adapter.told(value) if isinstance(value, dict) else ():
            if kind in _ENTRIES and text.strip():
                event_type, role = _ENTRIES[kind]
                told = {"event_type": event_type, "role": role, "content": text[:LONGEST_TEXT]}
                notes.append(("agent.event", {**whose, **told}))
    if notes:
        spool_all(root, notes, actor=source.agent)


def _session_in(source: UsageFile) -> str:
    return os.path.basename(source.path).partition(".")[0]
