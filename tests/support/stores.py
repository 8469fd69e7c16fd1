"""Bead stores for tests, and quick ways to fill them."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gastown_core.beads.jsonl_store import JsonlStore
from gastown_core.beads.memory_store import MemoryStore
from gastown_core.beads.opening import init_store, open_store
from gastown_core.clock import FixedClock

NOW = 1_795_262_671.0  # 2026-11-21 12:04:31 UTC


def make_store(place: Path | str, prefix: str = "gt", *, clock=None) -> JsonlStore:
    """An empty store in ``<place>/.beads``, outside git."""
    os.makedirs(place, exist_ok=True)
    init_store(str(place), prefix, use_git=False)
    return open_store(os.path.join(place, ".beads"), clock=clock or FixedClock(NOW))


def both_kinds(place: Path) -> dict[str, object]:
    return {"jsonl": lambda: make_store(place), "memory": lambda: MemoryStore("gt", clock=FixedClock(NOW))}


def create(store, title: str = "a bead", **fields) -> str:
    """A new bead's id; ``parent``, ``bead_id`` and ``kind`` go to the batch."""
    options = {key: fields.pop(key) for key in ("parent", "bead_id", "kind") if key in fields}
    with store.write("tester") as batch:
        return batch.create({"title": title, **fields}, **options).id


def change(store, bead_id: str, **changes):
    with store.write("tester") as batch:
        return batch.update(bead_id, changes)


def link(store, bead_id: str, target: str, kind: str = "blocks", metadata: str = "") -> None:
    with store.write("tester") as batch:
        batch.add_edge(bead_id, target, kind, metadata)


def close(store, bead_id: str, reason: str = "done", force: bool = True) -> None:
    with store.write("tester") as batch:
        batch.close(bead_id, reason, force=force)


def raw(bead_id: str, title: str = "a bead", **keys) -> dict:
    """A record as an older writer might have left it."""
    stamp = "2026-03-02T10:11:12Z"
    record = {"id": bead_id, "title": title, "status": "open", "priority": 2, "issue_type": "task"}
    return {**record, "created_at": stamp, "updated_at": stamp, **keys}


def edge(source: str, target: str, kind: str = "blocks", **keys) -> dict:
    return {"issue_id": source, "depends_on_id": target, "type": kind, "created_at": "2026-03-02T10:12:00Z", **keys}


def write_lines(store: JsonlStore, *records: dict | bytes, name: str = "issues.jsonl") -> None:
    """Put lines into the ledger behind the store's back."""
    with open(os.path.join(store.beads_dir, name), "ab") as handle:
        for record in records:
            handle.write((record if isinstance(record, bytes) else json.dumps(record).encode()) + b"\n")


def lines_of(store: JsonlStore, name: str = "issues.jsonl") -> list[dict]:
    with open(os.path.join(store.beads_dir, name), "rb") as handle:
        return [json.loads(line) for line in handle.read().splitlines()]
