"""Watching costs little: duties that found nothing rest until the ledger changes, and no look starts a process."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon import duties, quiet, wakeups
from gastown_core.daemon.duty import Shift
from gastown_core.model.address import parse_address
from gastown_core.patrols import lookout
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.sessions import start_agent
from gastown_core.town.start_plan import plan_start
from tests.support.paper import Paper
from tests.support.rigged import Rigged

_STARTED: list[list[str]] = []
_IS_WATCHED = threading.Event()


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and _IS_WATCHED.is_set():
        _STARTED.append([str(word) for word in arguments[1]])  # type: ignore[attr-defined]


@pytest.fixture
def started() -> Iterator[list[list[str]]]:
    """The command lines of processes that this process starts from now on."""
    sys.addaudithook(_note)
    _STARTED.clear()
    _IS_WATCHED.set()
    yield _STARTED
    _IS_WATCHED.clear()


@pytest.fixture
def fresh_looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every look is taken anew, and the links of this process end with the test."""
    monkeypatch.setattr(lookout, "FRESH_S", 0.0)
    yield
    lookout.close_all()


def run_all(root: str) -> dict[str, str]:
    """Run every duty of the town once; what each did."""
    shift = Shift(root, SYSTEM_CLOCK, lambda: False)
    return {duty.name: duty.work(shift) for duty in duties.duties_of(root)}


def test_no_look_at_agents_at_work_starts_a_process(
    sessions_too: Rigged, fresh_looks: None, started: list[list[str]]
) -> None:
    rigged = sessions_too
    path = Path(rigged.root, "settings", "config.json")
    settings = json.loads(path.read_text()) if path.exists() else {}
    rule = {"runtime": "scripted", "question": "*never is asked*", "answer": "Yes"}
    path.write_text(json.dumps({**settings, "default_agent": "scripted", "standing_answers": {"never": rule}}))
    start_agent(rigged.root, plan_start(rigged.root, rigged.entry("mayor")))
    # its scripted agent would go to work on it and be done
    rigged.sling(rigged.file().id, session=True)
    assert rigged.ledger.store_for("sh-x").held_work(), "a polecat holds work"
    run_all(rigged.root)
    assert any("tmux" in words[0] for words in started), "the link is opened by a process"
    started.clear()

    for _ in range(3):
        run_all(rigged.root)

    assert rigged.ledger.store_for("sh-x").held_work(), "the looks were at an agent that holds work"
    assert started == []


def test_workers_that_hold_nothing_are_looked_at_again_when_the_ledger_changes(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr("gastown_core.work.scheduler.reclaim.release_dead", lambda *_, **__: looks.append("") or [])
    monkeypatch.setattr(duties, "_UNHELD", quiet.Quiet())
    shift = Shift(paper.root, paper.clock, lambda: False)
    for _ in range(3):
        duties.release_dead_workers(shift)
    assert len(looks) == 1

    os.makedirs(os.path.join(paper.root, "shop", "polecats", "opal", "shop"))
    bead = paper.file(status="hooked", assignee="shop/polecats/opal")
    for _ in range(3):
        duties.release_dead_workers(shift)
    assert len(looks) == 4, "somebody holds work, so its worker is looked at each time"

    put_agent_bead(paper.ledger, parse_address("shop/polecats/opal"), "sh", hook_bead=bead)
    paper.close(bead)
    duties.release_dead_workers(shift)
    duties.release_dead_workers(shift)
    assert len(looks) == 6, "its record names work still"


def test_an_open_convoy_or_a_queue_is_looked_at_every_time_and_an_empty_town_once(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr("gastown_core.work.convoy.feeding.feed", lambda *_, **__: looks.append("") or [])
    monkeypatch.setattr(duties, "_UNDISPATCHED", quiet.Quiet())
    shift = Shift(paper.root, paper.clock, lambda: False)
    for _ in range(3):
        duties.dispatch_ready(shift)
    assert len(looks) == 1

    bead = paper.file()
    duties.dispatch_ready(shift)
    duties.dispatch_ready(shift)
    assert len(looks) == 2, "a bead in no convoy is nobody's to dispatch"

    paper.convoy("C", bead)
    for _ in range(3):
        duties.dispatch_ready(shift)
    assert len(looks) == 5


def test_a_ledger_is_another_one_after_any_change_and_with_another_rig(paper: Paper) -> None:
    known = quiet.Quiet()
    for change in (
        lambda: paper.file(),
        lambda: Path(paper.root, "mayor", "rigs.json").write_text('{"version": 1, "rigs": {}}'),
    ):
        known.note(paper.root, quiet.mark_of(paper.root, paper.ledger), nothing_waits=True)
        assert known.holds(paper.root)
        change()
        assert not known.holds(paper.root)
    known.note(paper.root, quiet.mark_of(paper.root, paper.ledger), nothing_waits=False)
    assert not known.holds(paper.root)


def test_stores_are_opened_anew_only_while_one_is_missing_and_then_once_a_look(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_all(root: str) -> TownLedger:
        opened.append(root)
        return TownLedger(root)

    monkeypatch.setattr(wakeups, "TownLedger", open_all)
    watch = wakeups.Wakeups(paper.root, lambda _: None)
    assert watch.pulse() is None and opened
    opened.clear()
    assert watch.pulse() is None and not opened

    register = Path(paper.root, "mayor", "rigs.json")
    rigs = json.loads(register.read_text())
    rigs["rigs"]["late"] = {"beads": {"prefix": "la"}}
    register.write_text(json.dumps(rigs))
    for _ in range(2):
        opened.clear()
        watch.pulse()
        assert len(opened) == 1
    shutil.copytree(paper.ledger.stores()["shop"].beads_dir, Path(paper.root, "late", ".beads"))
    watch.pulse()
    opened.clear()
    watch.pulse()
    assert not opened


@pytest.mark.parametrize("junk", ["{junk", '{"merge_queue": {"poll_interval": 7}}', "[]"])
def test_settings_of_a_rig_that_cannot_be_read_stop_no_duty_of_the_town(rigged: Rigged, junk: str) -> None:
    before = [duty.name for duty in duties.duties_of(rigged.root)]
    path = Path(rigged.root, "shop", "settings", "config.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(junk)
    assert [duty.name for duty in duties.duties_of(rigged.root)] == before and "refinery:shop" in before
