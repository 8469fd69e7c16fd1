"""``gt dog``: dogs by hand, their work, and what becomes of it."""

from __future__ import annotations

import os

from tests.support.cli import gt
from tests.support.rigged import Rigged, make_executable, write


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


def plugin(rigged: Rigged, name: str, script: str = "") -> None:
    folder = os.path.join(rigged.root, "plugins", name)
    write(os.path.join(folder, "plugin.md"), f'+++\nname = "{name}"\n[gate]\ntype = "manual"\n+++\nSweep the yard.\n')
    if script:
        make_executable(os.path.join(folder, "run.sh"), script)


def test_a_plugin_is_dispatched_to_a_dog(rigged: Rigged, without_tmux: None) -> None:
    root = rigged.root
    plugin(rigged, "sweep")
    plugin(rigged, "scripted", "#!/bin/sh\n")
    assert gt("dog", "dispatch", cwd=root).code == 2, "which plugin?"
    assert gt("dog", "dispatch", "--plugin", "swep", cwd=root).code == 1
    assert "gt plugin run" in gt("dog", "dispatch", "--plugin", "scripted", cwd=root).err
    dry = gt("dog", "dispatch", "--plugin", "sweep", "-n", "--json", cwd=root).json
    assert (dry["dry_run"], dry["work"]) == (True, "") and names(rigged) == []

    first = gt("dog", "dispatch", "--plugin", "sweep", "--json", cwd=root)
    assert first.code == 0, first.err
    told = first.json
    assert told["dog_created"] and told["work_confirmed"] and not told["session_started"] and told["warnings"] == []
    bead = rigged.ledger.get(told["work"])
    assert bead is not None and bead.description.strip() == "Sweep the yard." and names(rigged) == [told["dog"]]
    assert gt("plugin", "history", "sweep", "--json", cwd=root).json[0]["result"] == "success"

    assert gt("dog", "add", "rex", cwd=root).code == 0
    second = gt("dog", "dispatch", "--plugin", "sweep", "--dog", "rex", "--json", cwd=root).json
    assert (second["dog"], second["dog_created"]) == ("rex", False)
    assert gt("dog", "dispatch", "--plugin", "sweep", "--dog", "max", cwd=root).code == 1
