"""The cycles of a role's agent: begun, reported step by step, begun anew."""

from __future__ import annotations

from tests.support.cli import gt
from tests.support.rigged import Rigged


def test_a_cycle_is_hooked_reported_and_begun_anew(rigged: Rigged) -> None:
    first = gt("patrol", "new", "--role", "witness", "--rig", "shop", "--json", cwd=rigged.root).json
    assert first["burned"] == [] and rigged.bead(first["id"]).status == "hooked"
    held = gt("hook", "show", "shop/witness", "--json", cwd=rigged.root)
    assert first["id"] in held.out
    done = gt(
        "patrol",
        "report",
        "-s",
        "all quiet",
        "--steps",
        "inbox-check:OK",
        "--role",
        "witness",
        "--json",
        cwd=rigged.root,
    ).json
    assert (done["id"], done["ok"]) == (first["id"], 1) and done["total"] == len(done["steps"])
    assert (
        "inbox-check OK" in done["steps"] and sum(line.endswith(" SKIP") for line in done["steps"]) == done["total"] - 1
    )
    ended = rigged.bead(first["id"])
    assert ended.is_closed and ended.text("close_reason") == "all quiet"
    assert rigged.bead(done["next"]).status == "hooked"


def test_a_new_cycle_burns_the_old_one(rigged: Rigged) -> None:
    first = gt("patrol", "new", "--role", "deacon", "--json", cwd=rigged.root).json
    second = gt("patrol", "new", "--role", "deacon", "--json", cwd=rigged.root).json
    assert second["burned"] == [first["id"]]
    kept = rigged.ledger.get(first["id"])
    assert kept is None or kept.is_tombstone


def test_what_cannot_be_reported_says_why(rigged: Rigged) -> None:
    none = gt("patrol", "report", "-s", "x", "--role", "deacon", cwd=rigged.root)
    assert none.code == 1 and "gt patrol new" in none.err
    gt("patrol", "new", "--role", "deacon", cwd=rigged.root)
    strange = gt("patrol", "report", "-s", "x", "--steps", "dance:OK", "--role", "deacon", cwd=rigged.root)
    assert strange.code == 2 and "no step dance" in strange.err
    assert gt("patrol", "report", "-s", "x", "--steps", "dance", "--role", "deacon", cwd=rigged.root).code == 2
    assert gt("patrol", "new", "--role", "mayor", cwd=rigged.root).code != 0
