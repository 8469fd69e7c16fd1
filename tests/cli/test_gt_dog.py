"""``gt dog``: dogs by hand, their work, and what becomes of it."""

from __future__ import annotations

import os

from tests.support.cli import gt
from tests.support.rigged import Rigged


def names(rigged: Rigged) -> list[str]:
    return [one["name"] for one in gt("dog", "list", "--json", cwd=rigged.root).json]


def errand(rigged: Rigged, dog: str) -> str:
    bead = rigged.file("Trim old branches")
    done = gt("sling", bead.id, f"deacon/dogs/{dog}", "--no-session", cwd=rigged.root)
    assert done.code == 0, done.err
    return bead.id


def test_dogs_are_added_listed_and_removed(rigged: Rigged) -> None:
    assert "no dogs" in gt("dog", "list", cwd=rigged.root).out
    made = gt("dog", "add", "rex", "--json", cwd=rigged.root).json
    assert os.path.isdir(made["path"]) and made["session"] == "hq-dog-rex" and names(rigged) == ["rex"]
    again = gt("dog", "add", "rex", cwd=rigged.root)
    assert again.code == 1 and "rex" in again.err
    assert gt("dog", "status", "--json", cwd=rigged.root).json["idle"] == 1
    assert gt("dog", "remove", cwd=rigged.root).code == 2
    assert gt("dog", "remove", "max", cwd=rigged.root).code == 1
    assert gt("dog", "remove", "rex", cwd=rigged.root).code == 0 and names(rigged) == []
    assert not os.path.exists(made["path"])


def test_a_dog_with_work_is_not_removed_without_force_and_its_work_is_ready_again(rigged: Rigged) -> None:
    gt("dog", "add", "rex", cwd=rigged.root)
    bead_id = errand(rigged, "rex")
    one = gt("dog", "status", "rex", "--json", cwd=rigged.root).json
    assert (one["state"], one["work"]) == ("working", bead_id)
    refused = gt("dog", "remove", "rex", cwd=rigged.root)
    assert refused.code == 1 and bead_id in refused.err
    assert gt("dog", "remove", "--all", "-f", cwd=rigged.root).code == 0
    assert rigged.bead(bead_id).status == "open" and rigged.bead(bead_id).assignee == ""


def test_a_dog_whose_session_is_gone_needs_attention_and_is_cleared(rigged: Rigged) -> None:
    gt("dog", "add", "rex", cwd=rigged.root)
    bead_id = errand(rigged, "rex")
    ill = gt("dog", "health-check", "--json", cwd=rigged.root)
    assert ill.code == 2 and ill.json[0]["session_status"] == "session-dead"
    assert gt("dog", "health-check", "rex", "--auto-clear", cwd=rigged.root).code == 0
    assert rigged.bead(bead_id).status == "open"
    assert gt("dog", "health-check", cwd=rigged.root).out.strip() == "rex: idle, none"


def test_a_dog_that_is_done_closes_its_work(rigged: Rigged) -> None:
    gt("dog", "add", "rex", cwd=rigged.root)
    bead_id = errand(rigged, "rex")
    assert gt("dog", "done", "rex", "--json", cwd=rigged.root).json == {"name": "rex", "closed": [bead_id]}
    assert rigged.bead(bead_id).status == "closed"
    assert gt("dog", "clear", "rex", cwd=rigged.root).code == 0
    assert gt("dog", "done", "max", cwd=rigged.root).code == 1
