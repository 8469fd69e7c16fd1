"""The host guard: what a loaded machine refuses, where that is said, and what the settings take."""

from __future__ import annotations

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.errors import ConflictError, SettingsError
from gastown_core.model.dam import DAEMON, HOST
from gastown_core.state.collect import collect
from gastown_core.town import host_load
from gastown_core.town.host_load import HostLoad, judge
from gastown_core.town.settings import load_settings, set_setting
from gastown_core.work.workers import check_room, read_capacity
from tests.support.cli import gt
from tests.support.rigged import Rigged


@pytest.mark.parametrize(
    ("load", "limits", "words"),
    [
        (HostLoad(0.5, 8.0, 50.0), (2.0, 1.0, 0.5), ""),
        (HostLoad(2.1, 8.0, 50.0), (2.0, 1.0, 0.5), "the load is 2.1 per core, more than 2"),
        (HostLoad(0.5, 0.4, 50.0), (2.0, 1.0, 0.5), "only 0.4 GB of memory are available, less than 1"),
        (HostLoad(9.9, 0.4, 0.2), (2.0, 1.0, 0.5), "only 0.2 GB of the disk are free, less than 0.5"),
        (HostLoad(99.0, 0.1, 0.1), (0, 0, 0), ""),
        (HostLoad(None, None, None), (2.0, 1.0, 0.5), ""),
    ],
)
def test_the_thresholds(load: HostLoad, limits: tuple[float, float, float], words: str) -> None:
    found = judge(load, *limits)
    assert found.startswith(words) and bool(found) is bool(words)


def test_a_full_host_takes_no_new_agent_and_explain_says_so(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    bead = rigged.file()
    assert gt("convoy", "create", "Fixes", bead.id, cwd=rigged.root).code == 0
    set_setting(rigged.root, "operational.daemon.pressure_mem_threshold_gb", "100000")
    capacity = read_capacity(rigged.root, rigged.ledger)
    assert capacity.room == 0 and "memory are available, less than 100000" in capacity.refusal("shop")
    with pytest.raises(ConflictError) as caught:
        check_room(rigged.root, rigged.ledger, "shop")
    assert host_load.MEMORY_KEY in caught.value.why
    told = gt("scheduler", "explain", cwd=rigged.root).out
    assert "no new agent: only" in told and host_load.MEMORY_KEY in told
    # one look, which cannot know since when, names it all the same
    later = FixedClock(SYSTEM_CLOCK.now() + 100)
    found = collect(rigged.root, clock=later).dam
    assert found is not None and [link.link for link in found.links] == [DAEMON, HOST]
    set_setting(rigged.root, "operational.daemon.pressure_mem_threshold_gb", "0")
    assert read_capacity(rigged.root, rigged.ledger).room > 0


def test_numbers_of_settings(rigged: Rigged) -> None:
    key = "operational.daemon.pressure_cpu_threshold"
    assert set_setting(rigged.root, key, "1.5") == 1.5 and set_setting(rigged.root, key, "2") == 2
    assert load_settings(rigged.root).get(key) == 2
    for wrong in ("-1", "much", "nan", "inf"):
        with pytest.raises(SettingsError):
            set_setting(rigged.root, key, wrong)
