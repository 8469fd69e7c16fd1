from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gastown_core import process_table
from gastown_core.process_table import lives, mark, mark_lives, read_process, start_of
from tests.support.refineries import gating, write_state
from tests.support.tmux import until


@pytest.fixture
def zombie():
    """A process that has ended and that nobody takes away, as in a container without an init."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: (row := read_process(child.pid)) is not None and row.is_gone, "it has ended")
    yield child.pid
    child.wait()


def test_a_process_that_ended_and_was_not_taken_away_is_dead(zombie):
    os.kill(zombie, 0)  # what the kernel says of its number
    assert not lives(zombie)
    assert start_of(zombie) == 0.0
    assert mark_lives(f"{zombie}\n") is False


def test_a_number_with_another_start_is_another_process():
    own = os.getpid()
    assert lives(own) and lives(own, start_of(own))
    assert not lives(own, start_of(own) + 1)
    assert mark_lives(mark()) is True
    assert mark_lives(f"{own}\n1.0\n") is False


def test_a_note_without_a_start_counts_by_its_number_and_one_without_a_number_says_nothing():
    assert mark_lives(str(os.getpid())) is True
    assert mark_lives(f"{os.getpid()} since noon") is True
    assert mark_lives("") is None and mark_lives("somebody") is None


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1, 2**70])
def test_what_is_no_process_is_dead(pid):
    assert not lives(pid)


def test_another_users_process_counts_also_where_the_table_hides_it(monkeypatch):
    def forbidden(pid, number):
        raise PermissionError

    monkeypatch.setattr(process_table, "read_process", lambda pid: None)
    monkeypatch.setattr(os, "kill", forbidden)
    assert lives(1)


def test_a_refinery_whose_process_is_a_zombie_is_gone(zombie, paper):
    from gastown_core.state.collect import Sources

    rig = os.path.join(paper.root, "shop")
    write_state(rig, gating(1000.0, zombie))
    sources = Sources(paper.root)
    sources.refineries.poll(1000.0)
    assert sources.facts.refineries["shop"].is_alive is False
    write_state(rig, gating(1001.0, os.getpid())._replace(pid_start=start_of(os.getpid())))
    sources.refineries.poll(1001.0)
    assert sources.facts.refineries["shop"].is_alive is True
    write_state(rig, gating(1002.0, os.getpid())._replace(pid_start=1.0))
    sources.refineries.poll(1002.0)
    assert sources.facts.refineries["shop"].is_alive is False, "its number is another's by now"
    sources.close()


def test_a_reservation_of_a_zombie_is_let_go(zombie, paper):
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.town.polecat_pool import drop_void_reservations

    folder = os.path.join(paper.root, "shop", "polecats")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("opal", f"{zombie}\n"), ("jade", mark()), ("onyx", f"{os.getpid()}\n1.0\n")):
        with open(os.path.join(folder, f"{name}.pending"), "w") as handle:
            handle.write(text)
    drop_void_reservations(paper.root, "shop", SYSTEM_CLOCK.now())
    assert os.listdir(folder) == ["jade.pending"]
