"""What telemetry is told of messages that a pass has counted for the first time: a note each, with their last figures."""

from __future__ import annotations

import os

from gastown_core.files.spool import spool_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.runtimes.usage import Usage
    from gastown_core.usage.usage_file import UsageFile
    from gastown_core.usage.usage_ledger import UsageLedger

    Fresh = dict[str, UsageFile]
    """The id of a message → the transcript that tells of it."""

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
        told["native_session_id"] = os.path.basename(source.path).partition(".")[0]
        notes.setdefault(source.agent, []).append(("agent.usage", told))
    for agent, some in notes.items():
        spool_all(root, some, actor=agent)
