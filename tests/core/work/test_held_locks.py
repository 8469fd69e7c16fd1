"""A table of locks held forever: a command that needs one names the holder and a remedy, and nothing is lost."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gastown_core.beads import routes
from gastown_core.beads.jsonl_writer import LOCK_NAME
from gastown_core.beads.query import BeadQuery
from gastown_core.daemon import main as daemon
from gastown_core.errors import ConflictError
from gastown_core.events import log, town_log
from gastown_core.events.town_log import log_line
from gastown_core.files.locks import FileLock
from gastown_core.git.repo import Git
from gastown_core.git.worktree import exclude
from gastown_core.messaging import queue as nudge_queue
from gastown_core.messaging.handoff import handoff
from gastown_core.model.bead import HOOKED, OPEN
from gastown_core.refinery.engine import process
from gastown_core.refinery.place import Refinery, merging_process
from gastown_core.town import lifecycle
from gastown_core.town.dogs import claim_dog
from gastown_core.town.polecat_pool import claim
from gastown_core.town.settings import set_setting
from gastown_core.work.scheduler import scheduler
from gastown_core.work.sling import sling
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux

SOON_S = 0.2
"""How long the locks of this table are waited for; what the program waits is in the code, and bounded."""


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FileLock.__init__.__kwdefaults__, "timeout_s", SOON_S)
    monkeypatch.setattr(log, "LOCK_S", SOON_S)
    monkeypatch.setattr(nudge_queue, "LOCK_S", SOON_S)
    monkeypatch.setattr(town_log, "LOCK_S", SOON_S)
    monkeypatch.setattr(sling, "ONE_SLING_S", SOON_S)
    monkeypatch.setattr(sling, "ASSIGNEE_WAIT_S", SOON_S)


@contextmanager
def held(path: str) -> Iterator[None]:
    """Somebody holds the lock and has written no name into it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        os.close(fd)


def is_idle(_: object) -> bool:
    return True


def claim_one(town: Rigged) -> None:
    with claim(town.root, "shop", "sh", is_idle=is_idle):
        pass


def claim_a_dog(town: Rigged) -> None:
    with claim_dog(town.root, is_idle=is_idle):
        pass


def sling_one(town: Rigged) -> None:
    town.sling(first(town))


def first(town: Rigged) -> str:
    return town.ledger.store_for("sh-x").find(BeadQuery(types=("task",)))[0].id


def hide(town: Rigged) -> None:
    exclude(Git(os.path.join(town.root, "shop", "mayor", "rig")), ("/new",))


LOCKS: dict[str, tuple[str, Callable[[Rigged], object]]] = {
    "town ledger": (f".beads/{LOCK_NAME}", lambda town: town.ledger.store_for("hq-x").write("me").__enter__()),
    "rig ledger": (f"shop/.beads/{LOCK_NAME}", lambda town: town.file()),
    "settings": ("settings/config.json.lock", lambda town: set_setting(town.root, "convoy.feed_grace", "1s")),
    "routes": (".beads/routes.jsonl.lock", lambda town: routes.add_route(town.root, "xy", "xy")),
    "polecats": ("shop/.runtime/locks/polecat-pool.lock", claim_one),
    "dogs": (".runtime/locks/dog-pool.lock", claim_a_dog),
    "admission": (".runtime/locks/sling/admission.flock", sling_one),
    "daemon": ("daemon/daemon.lock", lambda town: daemon.run(town.root, duties=lambda _: [])),
    "git": ("shop/mayor/rig/.git/info/exclude.lock", hide),
}


def beads(town: Rigged) -> list[dict[str, object]]:
    return [
        dict(bead.raw) for store in town.ledger.stores().values() for bead in store.find(BeadQuery(include_wisps=True))
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_whoever_needs_a_lock_that_is_held_says_who_has_it_and_leaves_all_as_it_was(rigged: Rigged, name: str) -> None:
    lock, act = LOCKS[name]
    rigged.file()
    before = beads(rigged)
    with held(os.path.join(rigged.root, lock)), pytest.raises(ConflictError) as failure:
        act(rigged)
    said = str(failure.value)
    assert f"process {os.getpid()}" in said, said
    assert failure.value.hint, "what helps is not said"
    assert beads(rigged) == before
    if name != "daemon":
        act(rigged)


def test_a_bead_that_is_being_slung_for_ever_is_said_to_be_so(rigged: Rigged) -> None:
    bead = rigged.file().id
    with held(os.path.join(rigged.root, f".runtime/locks/sling/{bead}.flock")):
        with pytest.raises(ConflictError) as failure:
            rigged.sling(bead)
    assert f"process {os.getpid()}" in failure.value.why
    assert rigged.bead(bead).status == OPEN
    rigged.sling(bead)
    assert rigged.bead(bead).status == HOOKED


@pytest.mark.usefixtures("without_tmux")
def test_acts_go_on_while_somebody_holds_the_logs(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    # what could not be logged is the process's own, and must not reach the next test
    monkeypatch.setattr(log, "last_failure", "")
    bead = rigged.file().id
    before = len(rigged.events())
    with held(os.path.join(rigged.root, ".events.jsonl.lock")), held(os.path.join(rigged.root, "logs/town.log.lock")):
        rigged.sling(bead)
        assert not log_line(rigged.root, "nudge", "mayor", "hello")
        assert "town.log" in log.last_failure
        assert f"process {os.getpid()}" in log.last_failure
        receipts = list(handoff(rigged.root, rigged.entry("mayor"), subject="full", sender="me"))
    assert receipts[-1].final
    assert rigged.bead(bead).status == HOOKED
    assert len(rigged.events()) == before


def test_what_another_seems_to_be_at_is_left_to_it_and_told(rigged: Rigged) -> None:
    bead = rigged.file().id
    with held(os.path.join(rigged.root, ".runtime/scheduler-dispatch.lock")):
        assert scheduler.cycle(rigged.root).reason == scheduler.LOCKED
    with held(os.path.join(rigged.root, "shop/.runtime/locks/merge-main.lock")):
        assert merging_process(Refinery(rigged.root, "shop"), "main") == os.getpid()
        assert process(rigged.root, "shop") == []
    assert rigged.bead(bead).status == OPEN


@needs_tmux
def test_up_says_who_is_at_it(rigged: Rigged, server: object) -> None:
    with held(os.path.join(rigged.root, ".runtime/locks/lifecycle.lock")):
        with pytest.raises(ConflictError) as failure:
            lifecycle.bring_up(rigged.root, sender="me")
    assert f"process {os.getpid()}" in failure.value.why
