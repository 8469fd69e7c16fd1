"""What commands tell telemetry: their names and times, never a title or a text; and nothing while it is off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_cli import bd, command_notes, gt
from gastown_cli.command_notes import notes_of
from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.store import BeadStore
from gastown_core.files.spool import open_spool, spool_path
from tests.support.cli import bd as run_bd
from tests.support.towns import reference_town


def spooled(town: Path) -> list[tuple[str, dict[str, object]]]:
    lines = Path(spool_path(str(town))).read_text().splitlines()
    return [(line["type"], line["payload"]) for line in map(json.loads, lines)]


def store_of(town: str) -> BeadStore:
    return TownLedger(town).store_for("hq-x")


def test_the_commands_that_are_named_exist() -> None:
    ours, theirs = {row.name for row in gt.ROOT.commands}, {row.name for row in bd.ROOT.commands}
    for name in (*command_notes.FAILED, *command_notes.SENT, *command_notes.LONG):
        assert name in ours | theirs, name
    assert set(command_notes.TEXTS) <= theirs


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("create", ["fix-the-login", "--priority=1", "-d", "secret"], "--priority -d"),
        ("show", ["sh-k3f", "--json"], "sh-k3f --json"),
        ("close", ["sh-k3f.2", "--reason", "it is done"], "sh-k3f.2 --reason"),
        ("update", ["sh-1", "--title=secret title"], "sh-1 --title"),
    ],
)
def test_a_call_of_bd_tells_options_and_ids_only(name: str, words: list[str], told: str) -> None:
    ((kind, attributes),) = notes_of("bd", name, words, 1.5, 0, "")
    assert (kind, attributes) == ("bd.call", {"subcommand": name, "args": told, "duration_ms": 1.5})


def test_failures_are_told_by_their_kind() -> None:
    notes = dict(notes_of("gt", "sling", ["a-secret-bead"], 1.5, 1, "NotFoundError"))
    assert notes["sling"] == {"error": "NotFoundError"}
    assert notes["command"]["error"] == "NotFoundError"
    assert "secret" not in str(notes)
    assert dict(notes_of("gt", "mail inbox", [], 1.5, 0, ""))["mail"] == {"operation": "inbox"}
    assert "mail" not in dict(notes_of("gt", "mail send", [], 1.5, 0, ""))
    assert dict(notes_of("gt", "prime", ["--hook"], 1.5, 0, ""))["prime"]["hook_mode"] is True


def test_a_molecules_life_is_told_with_its_writes(tmp_path: Path) -> None:
    town = Path(reference_town(tmp_path))
    rig = str(town / "demo")
    (town / "demo" / ".beads" / "formulas").mkdir(exist_ok=True)
    formula = 'formula = "short"\ntype = "workflow"\nversion = 1\n[[steps]]\nid = "one"\ntitle = "secret title"\n'
    (town / "demo" / ".beads" / "formulas" / "short.formula.toml").write_text(formula)
    assert run_bd("mol", "wisp", "short", "--pour", cwd=rig).code == 0
    assert not Path(spool_path(str(town))).exists()
    open_spool(str(town))
    made = run_bd("mol", "wisp", "short", "--pour", "--json", cwd=rig)
    root = made.json["new_epic_id"]
    assert run_bd("mol", "squash", root, cwd=rig, GT_RUN="run-7").code == 0
    assert run_bd("show", "no-such", cwd=rig).code == 1
    told = spooled(town)
    kinds = [kind for kind, _ in told]
    assert kinds == [
        "mol.cook",
        "mol.wisp",
        "bead.create",
        "bead.create",
        "bd.call",
        "mol.squash",
        "bd.call",
        "bd.call",
    ]
    assert told[1][1] == {"formula_name": "short", "wisp_root_id": root, "bead_id": ""}
    assert told[3][1] == {"bead_id": f"{root}.one", "parent_id": root, "mol_source": "short"}
    squashed = {"mol_id": root, "digest_created": True, "done_steps": 0, "total_steps": 1, "run.id": "run-7"}
    assert told[5][1] == squashed
    assert [payload["subcommand"] for kind, payload in told if kind == "bd.call"] == ["mol", "mol", "show"]
    assert told[-1][1]["error"] == "NotFoundError"
    assert "secret" not in Path(spool_path(str(town))).read_text()


def test_a_write_of_gt_counts_as_calls_of_bd(tmp_path: Path) -> None:
    town = reference_town(tmp_path)
    open_spool(town)
    store = store_of(town)
    with store.write("mayor") as batch:
        made = batch.create({"title": "secret"})
    with store.write("mayor") as batch:
        batch.update(made.id, {"title": "secret too"})
        batch.create({"title": "another secret"})
    with store.write("mayor") as batch:
        batch.close(made.id)
    with pytest.raises(ValueError), store.write("mayor") as batch:
        batch.tell("mol.burn", mol_id="x")
        batch.delete(made.id)
        raise ValueError
    with store.write("mayor") as batch:
        batch.create({"title": "a letter", "issue_type": "message", "labels": ["gt:message"]})
    told = spooled(Path(town))
    assert [payload.get("subcommand") or payload["operation"] for _, payload in told] == [
        "create", "update", "create", "close", "bd.create",
    ]  # fmt: skip
    assert [kind for kind, _ in told] == ["bd.call"] * 4 + ["mail"]
    assert "secret" not in str(told)
