"""A town on paper: ledgers and registers for two rigs, no repository, no worktree; quick to make."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.routes import add_route
from gastown_core.clock import FixedClock
from gastown_core.model.bead import Bead
from gastown_core.work.convoys import create_convoy
from tests.support.stores import NOW, make_store

RIGS = {"shop": "sh", "billing": "bi"}


class Paper:
    """The town ``root`` at ``clock``; short ways to file, close and bundle."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.clock = FixedClock(NOW)

    @property
    def ledger(self) -> TownLedger:
        return TownLedger(self.root, clock=self.clock)

    def file(self, title: str = "Fix it", *, rig: str = "shop", after: tuple[str, ...] = (), **fields: object) -> str:
        """A new bead's id; ``after`` are beads that block it. Each is a second younger than the one before."""
        self.clock.advance(1)
        parent = str(fields.pop("parent", ""))
        with self.ledger.store_for(f"{RIGS.get(rig, 'hq')}-x").write("tester") as batch:
            made = batch.create({"title": title, **fields}, parent=parent).id
            for other in after:
                batch.add_edge(made, other, "blocks")
        return str(made)

    def change(self, bead_id: str, **changes: object) -> None:
        with self.ledger.store_for(bead_id).write("tester") as batch:
            batch.update(bead_id, changes)

    def link(self, bead_id: str, target: str, kind: str) -> None:
        with self.ledger.store_for(bead_id).write("tester") as batch:
            batch.add_edge(bead_id, target, kind)

    def close(self, bead_id: str, reason: str = "Merged in sh-mr001") -> None:
        with self.ledger.store_for(bead_id).write("tester") as batch:
            batch.close(bead_id, reason, force=True)

    def delete(self, bead_id: str) -> None:
        with self.ledger.store_for(bead_id).write("tester") as batch:
            batch.delete(bead_id)

    def bead(self, bead_id: str) -> Bead:
        found = self.ledger.get(bead_id)
        assert found is not None, bead_id
        return found

    def convoy(self, title: str, *members: str, **options: object) -> str:
        self.clock.advance(1)
        options.setdefault("owner", "overseer")
        return create_convoy(self.root, self.ledger, title, members, clock=self.clock, **options).id  # type: ignore[arg-type]

    def set(self, key: str, value: str) -> None:
        from gastown_core.town.settings import set_setting

        set_setting(self.root, key, value)

    def park(self, rig: str, status: str = "parked") -> None:
        folder = os.path.join(self.root, ".beads-wisp", "config")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"{rig}.json"), "w") as handle:
            json.dump({"values": {"status": status}}, handle)

    def events(self, *types: str) -> list[dict[str, object]]:
        path = os.path.join(self.root, ".events.jsonl")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as handle:
            found = [json.loads(line) for line in handle]
        return [event for event in found if not types or event["type"] in types]

    def mail(self) -> list[tuple[str, str]]:
        """(addressee, subject) of every letter, oldest first."""
        from gastown_core.beads.query import BeadQuery

        query = BeadQuery(types=("message",), include_wisps=True, sort="oldest")
        return [(bead.assignee, bead.title) for bead in self.ledger.store_for("hq-x").find(query)]


@pytest.fixture
def paper(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Paper:
    """A fresh town on paper, with rigs ``shop`` (sh) and ``billing`` (bi)."""
    for key in ("GT_ROLE", "GT_SESSION", "GT_RIG", "GT_POLECAT", "BD_ACTOR", "GT_TOWN_ROOT", "GT_ROOT"):
        monkeypatch.delenv(key, raising=False)
    # no server of this name runs: nobody lives
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    root = os.path.join(str(tmp_path), "gt")
    for folder in ("mayor", ".runtime", "settings"):
        os.makedirs(os.path.join(root, folder))
    with open(os.path.join(root, "mayor", "town.json"), "w") as handle:
        json.dump({"type": "town", "version": 2, "name": "paper"}, handle)
    with open(os.path.join(root, "mayor", "rigs.json"), "w") as handle:
        json.dump({"version": 1, "rigs": {rig: {"beads": {"prefix": prefix}} for rig, prefix in RIGS.items()}}, handle)
    with open(os.path.join(root, "settings", "config.json"), "w") as handle:
        json.dump({"convoy": {"feed_grace": "0s"}}, handle)
    make_store(root, "hq")
    for rig, prefix in RIGS.items():
        make_store(os.path.join(root, rig), prefix)
        add_route(root, f"{prefix}-", rig)
    return Paper(root)
