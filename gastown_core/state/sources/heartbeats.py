"""Heartbeats as a source: the folder is listed, only files that changed are read."""

from __future__ import annotations

import os

from gastown_core.files.mark import Mark, mark_of
from gastown_core.files.plain import read_plain
from gastown_core.model.json_text import decode_json
from gastown_core.runtimes.heartbeat import parse_heartbeat
from gastown_core.state.facts import TownFacts


class HeartbeatSource:
    """Keeps ``facts.heartbeats`` true; a junk file counts as no heartbeat."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self.folder = os.path.join(facts.inventory.root, ".runtime", "heartbeats")
        self._seen: dict[str, Mark] = {}

    def poll(self, now: float) -> bool:
        """Take in changed files; returns whether anything changed."""
        changed = False
        found = set()
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if not entry.name.endswith(".json"):
                        continue
                    session = entry.name[:-5]
                    try:
                        status = entry.stat()
                    except FileNotFoundError:
                        # it went between the listing and the look
                        continue
                    found.add(session)
                    mark = mark_of(status)
                    if self._seen.get(session) != mark:
                        self._seen[session] = mark
                        changed = self._read(entry.path, session) or changed
        except FileNotFoundError:
            found = set()
        except OSError as error:
            self.facts.failed("heartbeats", error.strerror or str(error))
            return False
        for session in self._seen.keys() - found:
            del self._seen[session]
            changed = self.facts.heartbeats.pop(session, None) is not None or changed
        if self.facts.error_of("heartbeats") or "heartbeats" not in self.facts.sources:
            self.facts.good("heartbeats", now)
        return changed

    def _read(self, path: str, session: str) -> bool:
        try:
            value = decode_json(read_plain(path))
        except (OSError, ValueError):
            value = None
        beat = parse_heartbeat(value) if isinstance(value, dict) else None
        if beat is None:
            return self.facts.heartbeats.pop(session, None) is not None
        self.facts.heartbeats[session] = beat
        return True
