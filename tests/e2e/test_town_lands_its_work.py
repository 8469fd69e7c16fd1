"""Twenty beads over two rigs, four polecats, two beads whose tests fail for good: from the ledger to main by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.query import BeadQuery
from gastown_core.git.repo import Git
from gastown_core.git.worktree import list_worktrees
from gastown_core.model.merge_request import LABEL, read_request
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_name
from tests.support.patience import PATIENCE_S
from tests.support.repos import PERSON, commit_files, make_repo
from tests.support.tmux import until

pytestmark = pytest.mark.e2e

PREFIXES = {"shop": "sh", "billing": "bi"}
HOPELESS = {("shop", 3), ("billing", 7)}
SLIPS = {("shop", 6)}
CHECK = "if grep -rqs '1 + 1 == 3' tests; then echo a test fails; exit 1; fi\n"


class Town:
    """A town whose rigs have a gate, with quick scripted agents and its daemon."""

    def __init__(self, root: str, base: str) -> None:
        self.root = root
        self.base = base
        self.server = TmuxServer(socket_name(root))

    def gt(self, *words: str, cwd: str = "") -> str:
        argv = [sys.executable, "-m", "gastown_cli", *words]
        done = subprocess.run(argv, cwd=cwd or self.root, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    @property
    def ledger(self) -> TownLedger:
        return TownLedger(self.root)

    def origin(self, rig: str) -> Git:
        return Git(os.path.join(self.base, f"{rig}.git"), identity=PERSON)

    def events(self) -> list[dict[str, object]]:
        with open(os.path.join(self.root, ".events.jsonl"), encoding="utf-8") as handle:
            return [json.loads(line) for line in handle]

    def set_up(self) -> None:
        self.gt("install", self.root, "--name", "t", cwd=self.base)
        edit(os.path.join(self.root, "settings", "config.json"), TOWN_SETTINGS)
        for rig, prefix in PREFIXES.items():
            repo = make_repo(os.path.join(self.base, rig))
            commit_files(repo, {"check.sh": CHECK, "tests/test_all.py": "def test_all():\n    assert True\n"}, "Check")
            Git(self.base).run("clone", "--quiet", "--bare", repo.path, self.origin(rig).path)
            self.gt("rig", "add", rig, "file://" + self.origin(rig).path, "--prefix", prefix)
            edit(os.path.join(self.root, rig, "settings", "config.json"), RIG_SETTINGS)


TOWN_SETTINGS = {
    "default_agent": "scripted",
    "agents": {"scripted": {"env": {"GT_SCRIPT_PACE": "0.02"}}},
    "scheduler": {"max_polecats": 4, "batch_size": 4},
    "convoy": {"feed_grace": "0s"},
}
RIG_SETTINGS = {
    "merge_queue": {
        "gates": {"check": {"cmd": "sh check.sh", "timeout": "30s"}},
        "batch": {"max_batch_size": 5, "batch_wait_time": "500ms"},
        "max_retry_count": 2,
    }
}


def edit(path: str, changes: dict[str, object]) -> None:
    value = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as handle:
            value = json.load(handle)
    value.update(changes)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        json.dump(value, handle)


@pytest.fixture
def town(server: TmuxServer, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    for key in ("GT_TOWN_ROOT", "GT_ROOT", "BD_ACTOR", "GT_RIG", "GT_POLECAT", "GT_BRANCH"):
        monkeypatch.delenv(key, raising=False)
    base = str(tmp_path)
    with open(os.path.join(base, "gitconfig"), "w", encoding="utf-8") as handle:
        handle.write("[user]\nname=Ana\nemail=ana@example.org\n[init]\ndefaultBranch=main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.path.join(base, "gitconfig"))
    town = Town(os.path.join(base, "town"), base)
    town.set_up()
    yield town
    subprocess.run([sys.executable, "-m", "gastown_cli", "daemon", "stop"], cwd=town.root, capture_output=True)
    town.server.kill_server()


def file_beads(town: Town) -> dict[tuple[str, int], str]:
    ids: dict[tuple[str, int], str] = {}
    for rig in PREFIXES:
        with town.ledger.stores()[rig].write("overseer") as batch:
            for number in range(10):
                key = (rig, number)
                mood = "breaks" if key in HOPELESS else "slips" if key in SLIPS else "steady"
                fields = {"title": f"Work {number} of {rig}", "labels": [f"mood:{mood}"], "issue_type": "task"}
                ids[key] = batch.create({**fields, "description": "1. write it\n2. test it\n"}).id
            batch.add_edge(ids[(rig, 9)], ids[(rig, 0)], "blocks")
    return ids


@pytest.mark.timeout(900)
def test_eighteen_of_twenty_land_and_two_ask_for_help(town: Town) -> None:
    ids = file_beads(town)
    hopeless = {ids[key] for key in HOPELESS}
    town.gt("convoy", "create", "Everything", *ids.values(), "--human")
    town.gt("daemon", "start")

    def settled() -> bool:
        status = town.ledger.statuses(ids.values())
        return Counter(status.values()) == {"closed": 18, "blocked": 2}

    try:
        until(settled, "eighteen closed and two blocked", timeout_s=200)
    except BaseException:
        tell_what_hangs(town, ids)
        raise
    assert {bead for bead, status in town.ledger.statuses(ids.values()).items() if status == "blocked"} == hopeless
    until(lambda: told_merges(town) == 18, "every merge is told")
    until(lambda: asked_for_help(town) >= hopeless, "both calls for help are told")
    until(lambda: not open_requests(town), "no merge request is open")
    check_main(town, ids)
    check_story(town, ids)
    check_convoy(town)
    until(lambda: not reservations(town), "no reservation is left", timeout_s=90)
    town.gt("daemon", "stop")
    check_nothing_is_left(town, ids)


def told_merges(town: Town) -> int:
    return len([one for one in town.events() if one["type"] == "merged"])


def asked_for_help(town: Town) -> set[object]:
    """The beads whose workers called for help, which they do after they have set them aside."""
    return {one["payload"].get("target") for one in town.events() if one["type"] == "escalation_sent"}  # type: ignore[attr-defined]


def check_main(town: Town, ids: dict[tuple[str, int], str]) -> None:
    """One commit per merged request, each naming its bead, and none of those that fail."""
    for rig in PREFIXES:
        format_ = "--format=@%(trailers:key=Bead,valueonly,separator=%x2C)"
        told = town.origin(rig).run("log", "main", "--first-parent", format_).split("@")[1:]
        landed = [line.strip() for line in told if line.strip()]
        wanted = {bead for key, bead in ids.items() if key[0] == rig and key not in HOPELESS}
        assert Counter(landed) == Counter(wanted)
        assert len(told) == len(landed) + 2, "only the two commits of the beginning carry no bead"
        order = landed[::-1]
        assert order.index(ids[(rig, 0)]) < order.index(ids[(rig, 9)])


def check_story(town: Town, ids: dict[tuple[str, int], str]) -> None:
    """The event log tells of each bead how it came about."""
    told: dict[str, list[str]] = {}
    for event in town.events():
        payload = event["payload"]
        assert isinstance(payload, dict)
        bead = str(payload.get("bead") or payload.get("issue") or payload.get("target") or "")
        told.setdefault(bead, []).append(str(event["type"]))
    for key, bead in ids.items():
        story = told[bead]
        assert {"sling", "done", "mr_queued"} <= set(story), (bead, story)
        if key in HOPELESS:
            assert story.count("merge_failed") == 2 and "merged" not in story and "escalation_sent" in story, story
        else:
            assert story.count("merged") == 1, " ".join(story)
        if key in SLIPS:
            assert story.count("merge_failed") == 1 and story.count("done") == 2, story


def check_convoy(town: Town) -> None:
    convoy = json.loads(town.gt("convoy", "show", "--json"))
    assert (convoy["completed"], convoy["total"], convoy["status"]) == (18, 20, "open")


def open_requests(town: Town) -> list[str]:
    found = []
    for rig in PREFIXES:
        query = BeadQuery(labels_all=(LABEL,), exclude_statuses=("closed",), include_wisps=True)
        found += [read_request(bead).id for bead in town.ledger.stores()[rig].find(query)]
    return found


def reservations(town: Town) -> list[str]:
    folders = [os.path.join(town.root, rig, "polecats") for rig in PREFIXES]
    return [name for folder in folders for name in os.listdir(folder) if name.endswith(".pending")]


def check_nothing_is_left(town: Town, ids: dict[tuple[str, int], str]) -> None:
    """No worktree of the refinery, no branch of merged work, no polecat too many."""
    merged = {bead for key, bead in ids.items() if key not in HOPELESS}
    for rig in PREFIXES:
        bare = Git(os.path.join(town.root, rig, ".repo.git"))
        places = {os.path.basename(tree.path) for tree in list_worktrees(bare)} - {".repo.git", "rig", rig}
        assert not places, places
        branches = town.origin(rig).run("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
        assert [one for one in branches if any(f"/{bead}@" in one for bead in merged)] == []
        # never more than four at work; a name more may be made while the refinery lets go of one
        assert len(os.listdir(os.path.join(town.root, rig, "polecats"))) <= 5


def tell_what_hangs(town: Town, ids: dict[tuple[str, int], str]) -> None:
    """For the report of a failure: who is where, and what the daemon said last."""
    status = town.ledger.statuses(ids.values())
    print({key: (bead, status.get(bead)) for key, bead in ids.items()})
    for words in (
        ("daemon", "logs", "-n", "60"),
        ("agents", "--all"),
        ("scheduler", "explain"),
        ("mq", "list", "shop"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "gastown_cli", *words], cwd=town.root, capture_output=True, text=True
        )
        print("$ gt", *words, "\n", done.stdout, done.stderr)
