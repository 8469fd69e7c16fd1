"""``gt dnd``, ``gt notify`` and ``gt broadcast``: whom a message may disturb."""

from __future__ import annotations

import json
import os

from gastown_core.messaging.queue import waiting
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.rigged import Rigged, write
from tests.support.tmux import needs_tmux


def test_a_muted_agent_gets_no_nudge_unless_forced(rigged: Rigged, without_tmux: None) -> None:
    on = gt("dnd", "--agent", "mayor", "--json", cwd=rigged.root)
    assert on.json == {"agent": "mayor", "notification_level": "muted", "before": "normal"}

    told = gt("nudge", "mayor", "hello", "--json", cwd=rigged.root)

    assert told.code == 0
    assert told.json["stage"] == "skipped"
    assert "muted" in told.json["detail"]
    assert waiting(rigged.root, "hq-mayor") == []
    gt("nudge", "mayor", "hello", "--force", cwd=rigged.root)
    assert len(waiting(rigged.root, "hq-mayor")) == 1
    assert gt("dnd", "status", "--agent", "mayor", cwd=rigged.root).out == "mayor is muted\n"
    assert gt("dnd", "--agent", "mayor", cwd=rigged.root).out == "✓ mayor is normal\n"
    assert gt("notify", "verbose", "--agent", "mayor", cwd=rigged.root).code == 0
    assert gt("notify", "--agent", "mayor", cwd=rigged.root).out == "mayor is verbose\n"
    wrong = gt("notify", "loud", "--agent", "mayor", cwd=rigged.root)
    assert wrong.code == 2
    assert "verbose, normal, muted" in wrong.err
    nobody = gt("dnd", cwd=rigged.root)
    assert nobody.code == 2


def test_an_odd_level_counts_as_normal(rigged: Rigged, without_tmux: None) -> None:
    entry = rigged.entry("mayor")
    put_agent_bead(rigged.ledger, entry.address, "", notification_level="shouting")
    assert gt("notify", "--agent", "mayor", cwd=rigged.root).out == "mayor is normal\n"


@needs_tmux
def test_a_broadcast_reaches_running_workers_but_the_muted_and_its_sender(sessions_too: Rigged) -> None:
    town = sessions_too
    idler = {"command": "sleep", "args": ["600"], "prompt_mode": "none"}
    write(os.path.join(town.root, "settings", "agents.json"), json.dumps({"version": 1, "agents": {"idler": idler}}))
    set_setting(town.root, "default_agent", "idler")
    for _ in range(3):
        town.sling(town.file().id, session=True)
    workers = [row["address"] for row in gt("session", "list", "--json", cwd=town.root).json if row["running"]]
    assert len(workers) == 3
    assert gt("session", "start", "mayor", cwd=town.root).code == 0
    gt("dnd", "on", "--agent", workers[0], cwd=town.root)

    shown = gt("broadcast", "--dry-run", "--json", "stop for lunch", cwd=town.root).json
    assert [row["stage"] for row in shown] == ["skipped", "would be sent", "would be sent"]
    done = gt("broadcast", "--json", "stop for lunch", cwd=town.root, GT_ROLE=workers[1])

    assert [(row["agent"], row["stage"]) for row in done.json] == [(workers[0], "skipped"), (workers[2], "queued")]
    everyone = gt("broadcast", "--all", "--dry-run", "--json", "x", cwd=town.root).json
    assert [row["agent"] for row in everyone][0] == "mayor"
    assert waiting(town.root, town.entry(workers[0]).session) == []
    assert len(waiting(town.root, town.entry(workers[2]).session)) == 1
