"""Towns as people have them: routes to nowhere, rigs without a route, broken redirects, no town.json."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_cli.bd import ROOT as BD
from gastown_cli.gt import ROOT as GT
from gastown_cli.lazy import run_root
from gastown_core.beads.discovery import find_beads_dir, town_above
from gastown_core.beads.ledger import TownLedger
from gastown_core.errors import NotFoundError
from gastown_core.events.feed import catch_up
from gastown_core.git.repo import Git
from gastown_core.town.discover import find_town
from tests.support.cli import gt
from tests.support.odd_json import VALUES, changed
from tests.support.repos import PERSON
from tests.support.stores import create, make_store, raw
from tests.support.towns import reference_town


def put(folder, *records):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "issues.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def odd(tmp_path):
    """The reference town with four rigs more: absent, without a route, with two routes, with a broken redirect."""
    root = tmp_path / "gt"
    reference_town(tmp_path)
    rigs = {"demo": "dm", "absent": "ab", "noroute": "nr", "twin": "tw", "moved": "mv"}
    register = {"version": 1, "rigs": {name: {"beads": {"prefix": prefix}} for name, prefix in rigs.items()}}
    (root / "mayor" / "rigs.json").write_text(json.dumps(register))
    routes = [("ab-", "absent"), ("dm-", "demo"), ("tx-", "twin/crew/x"), ("tw-", "twin/mayor/rig"), ("mv-", "moved")]
    lines = [json.dumps({"prefix": prefix, "path": path}) for prefix, path in routes]
    (root / ".beads" / "routes.jsonl").write_text("\n".join(["{junk", *lines]) + "\n")
    put(root / "noroute" / ".beads", raw("nr-aaaaa", "without a route"))
    put(root / "twin" / "mayor" / "rig" / ".beads", raw("tw-aaaaa", "of the twin"))
    put(root / "moved" / ".beads", raw("mv-aaaaa", "beside the redirect", status="hooked", assignee="moved/polecats/x"))
    (root / "moved" / ".beads" / "redirect").write_text("mayor/rig/.beads\n")
    (root / "moved" / "polecats" / "x" / "moved").mkdir(parents=True)
    (root / "absent" / "polecats" / "y" / "absent").mkdir(parents=True)
    return root


def test_every_ledger_that_is_there_is_found_whatever_the_routes_say(odd):
    ledger = TownLedger(str(odd))
    assert list(ledger.stores()) == ["town", "demo", "twin", "moved", "noroute"]
    for bead_id in ("nr-aaaaa", "tw-aaaaa", "mv-aaaaa", "dm-7aw", "hq-en9"):
        assert ledger.store_for(bead_id).get(bead_id) is not None, bead_id
    assert ledger.store_for("hq-x") is ledger.store("town")
    assert ledger.store_for("tx-aaaaa") is ledger.store("twin")
    assert list(ledger.missing) == ["absent"] and list(ledger.warnings) == ["moved"]
    with pytest.raises(NotFoundError, match="absent") as caught:
        ledger.store_for("ab-aaaaa")
    assert "is missing" in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [("hook", "list"), ("scheduler", "status"), ("scheduler", "list"), ("ready",), ("polecat", "list")],
    ids=" ".join,
)
def test_a_command_shows_the_rest_and_names_what_it_cannot_read(odd, words):
    ran = gt(*words, cwd=str(odd))
    assert ran.code == 3 and ran.out
    assert "cannot read absent:" in ran.err and "moved" in ran.err
    assert gt(*words, "--json", cwd=str(odd)).json is not None


def test_the_hook_beside_a_broken_redirect_is_shown(odd):
    assert "mv-aaaaa" in gt("hook", "list", cwd=str(odd)).out
    assert "hq-cv-ml8y3" in gt("convoy", "list", cwd=str(odd)).out
    status = gt("status", cwd=str(odd))
    assert status.code == 0 and "beads:absent" in status.out and "mv-aaaaa" in status.out


def test_two_ledgers_of_one_rig_are_both_read(tmp_path):
    root = tmp_path / "gt"
    reference_town(tmp_path)
    put(root / "demo" / "mayor" / "rig" / ".beads", raw("dx-aaaaa", "of the older ledger"))
    with open(root / ".beads" / "routes.jsonl", "a") as handle:
        handle.write('{"prefix":"dx-","path":"demo/mayor/rig"}\n')
    ledger = TownLedger(str(root))
    assert list(ledger.stores()) == ["town", "demo", "demo/mayor/rig"]
    assert ledger.get("dx-aaaaa").title == "of the older ledger"
    assert ledger.store_for("dx-bbbbb") is ledger.store("demo/mayor/rig")


def test_a_rig_that_is_redirected_to_the_towns_ledger_is_read_once(tmp_path):
    root = tmp_path / "gt"
    reference_town(tmp_path)
    os.remove(root / "demo" / ".beads" / "issues.jsonl")
    (root / "demo" / ".beads" / "redirect").write_text("../.beads\n")
    ledger = TownLedger(str(root))
    assert list(ledger.stores()) == ["town"] and ledger.store("demo") is ledger.store("town")
    assert not ledger.missing


@pytest.mark.parametrize("bad", ["a folder", "a pipe", "unreadable rigs", "unreadable routes"])
def test_whatever_is_in_the_way_of_one_ledger_the_others_are_read(tmp_path, bad):
    root = tmp_path / "gt"
    reference_town(tmp_path)
    victim = {"unreadable rigs": "mayor/rigs.json", "unreadable routes": ".beads/routes.jsonl"}.get(
        bad, "demo/.beads/issues.jsonl"
    )
    os.remove(root / victim)
    if bad == "a pipe":
        os.mkfifo(root / victim)
    else:
        (root / victim).mkdir()
    ledger = TownLedger(str(root))
    assert ledger.stores()["town"].get("hq-en9") is not None
    assert list(ledger.missing) == [
        {"mayor/rigs.json": "rigs.json", ".beads/routes.jsonl": "routes.jsonl"}.get(victim, "demo")
    ]


def test_a_mayors_folder_without_town_json_is_a_town(tmp_path, monkeypatch):
    root = tmp_path / "gt"
    reference_town(tmp_path)
    os.remove(root / "mayor" / "town.json")
    inside = root / "demo" / "crew" / "alice"
    assert find_town(str(inside), env={}) == str(root)
    assert find_beads_dir(str(inside), {}) == str(root / "demo" / ".beads")
    assert "demo" in gt("rig", "list", cwd=str(inside)).out
    assert town_above(str(tmp_path)) == ""


def test_a_project_named_mayor_makes_no_town(tmp_path):
    (tmp_path / "mayor" / ".git").mkdir(parents=True)
    create(make_store(tmp_path))
    assert find_town(str(tmp_path), env={}) is None


def test_a_rig_is_no_town(tmp_path):
    make_store(tmp_path / "rig")
    (tmp_path / "rig" / "mayor" / "rig").mkdir(parents=True)
    assert find_town(str(tmp_path / "rig"), env={}) is None


def test_nobody_is_called_idle_or_free_whose_ledger_cannot_be_read(odd):
    rows = {row["name"]: row["state"] for row in gt("polecat", "list", "--json", cwd=str(odd)).json}
    assert rows["y"] == "unknown"
    refused = gt("polecat", "nuke", "absent/y", "--force", cwd=str(odd))
    assert refused.code != 0 and "absent" in refused.err
    assert (odd / "absent" / "polecats" / "y").is_dir()


def test_a_town_whose_own_ledger_is_missing_still_shows_its_rigs(odd):
    import shutil

    shutil.rmtree(odd / ".beads")
    status = gt("scheduler", "status", cwd=str(odd))
    assert status.code == 3 and "cannot read town:" in status.err
    assert "the ledger of the town cannot be read" in gt("convoy", "list", cwd=str(odd)).err


READING = [
    ("gt", "status"), ("gt", "agents"), ("gt", "feed", "--plain", "--no-follow"), ("gt", "hook", "list"),
    ("gt", "feed", "--plain", "--no-follow", "--curated"), ("gt", "scheduler", "explain"), ("gt", "convoy", "list"),
    ("gt", "mq", "list", "demo"), ("gt", "refinery", "status", "demo"), ("gt", "compact", "--dry-run"),
    ("gt", "polecat", "list"), ("gt", "daemon", "status"), ("gt", "krc", "stats"), ("gt", "prime"), ("gt", "ready"),
    ("bd", "list"), ("bd", "ready"), ("bd", "show", "hq-en9"), ("bd", "stats"), ("bd", "doctor"), ("bd", "blocked"),
]  # fmt: skip


@pytest.fixture(scope="module")
def kept_in_git(tmp_path_factory):
    """A town of the Go tools whose every file is in git, with nothing ignored, the curated feed too."""
    root = reference_town(tmp_path_factory.mktemp("kept"))
    with open(os.path.join(root, ".events.jsonl")) as log, open(os.path.join(root, ".feed.jsonl"), "w") as feed:
        feed.write(log.readline())
    git = Git(root, identity=PERSON)
    git.run("init", "--quiet")
    git.run("add", "--all")
    git.run("commit", "--quiet", "-m", "The town")
    return git


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_leaves_no_dirt(kept_in_git, words, monkeypatch, capsys):
    monkeypatch.chdir(kept_in_git.path)
    assert run_root({"gt": GT, "bd": BD}[words[0]], list(words[1:])) in (0, 3)
    capsys.readouterr()
    assert kept_in_git.run("status", "--porcelain", "--untracked-files=all") == ""


def test_the_curated_feed_of_a_reader_is_what_the_daemon_would_write(kept_in_git, monkeypatch, capsys):
    root = kept_in_git.path
    monkeypatch.chdir(root)
    words = ["feed", "--plain", "--no-follow", "--curated", "--json", "-n", "0"]
    assert run_root(GT, words) == 0
    seen = capsys.readouterr().out
    assert seen.count("\n") > 1
    catch_up(root)
    assert run_root(GT, words) == 0
    assert capsys.readouterr().out == seen
    kept_in_git.run("checkout", "-q", ".")
    kept_in_git.run("clean", "-q", "-f", "-d")


def test_what_the_system_refuses_is_told_with_why_and_what_next(tmp_path, monkeypatch, capsys):
    root = reference_town(tmp_path)
    Path(root, ".runtime").write_text("a file in the place of a folder")
    monkeypatch.chdir(root)
    assert run_root(GT, ["scheduler", "pause"]) == 1
    said = capsys.readouterr().err
    assert "gt failed" in said and f"why:  File exists: {root}/.runtime" in said
    assert f"next: check {root}/.runtime" in said


def test_a_folder_that_was_removed_meanwhile_is_named_as_the_cause(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run_root(BD, ["list"]) == 1
    said = capsys.readouterr().err
    assert "the current folder no longer exists" in said and "next: cd to an existing folder" in said
    monkeypatch.chdir(tmp_path)


SHOWN = [words.split() for words in (
    "gt status", "gt agents", "gt feed --plain --no-follow -n 0", "gt feed --plain --no-follow --curated -n 0",
    "gt convoy list --all", "gt convoy show hq-cv-ml8y3", "gt convoy stranded", "gt hook list", "gt ready",
    "gt mq list demo", "gt scheduler list", "gt scheduler explain", "gt polecat list", "gt krc stats",
    "gt compact --dry-run", "bd list --all", "bd list --all --json", "bd ready", "bd blocked", "bd stats", "bd search x",
    "bd count --by-status", "bd label list-all", "bd show --long hq-en9", "bd dep tree hq-cv-ml8y3", "bd epic status",
    "bd mol list", "bd mol stale", "bd gate list", "bd doctor", "bd dep cycles", "bd export",
)]  # fmt: skip


@pytest.fixture(scope="module")
def of_wrong_types(tmp_path_factory):
    """A town whose ledgers, log and routes hold, beside what is sound, every record with parts of another type."""
    root = Path(reference_town(tmp_path_factory.mktemp("types")))
    for name in (".events.jsonl", ".beads/issues.jsonl", "demo/.beads/issues.jsonl", ".beads/routes.jsonl"):
        path = root / name
        records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        odd = []
        for new in VALUES:
            for record in records[:12]:
                for one in changed(record, new):
                    if isinstance(one.get("id"), str) and one["id"] != "@@":
                        one = {**one, "id": f"{one['id']}x{len(odd)}"}
                    odd.append(json.dumps(one).replace('"@@"', new) + "\n")
        path.write_text(path.read_text() + "".join(odd))
    return root


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_records_of_wrong_types_fell_no_command(of_wrong_types, words, monkeypatch, capsysbinary):
    monkeypatch.chdir(of_wrong_types)
    assert run_root({"gt": GT, "bd": BD}[words[0]], words[1:]) in (0, 3)
    assert capsysbinary.readouterr().out
