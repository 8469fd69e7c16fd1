"""Incidents with changing subjects, and one act for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.events.log import append_event
from gastown_core.model.agent import Health
from gastown_core.model.incident import Incident
from gastown_core.model.order import Order
from gastown_core.model.snapshot import AgentView
from gastown_core.model.source_status import SourceStatus
from gastown_core.patrols import deacon, joint_act
from gastown_core.patrols.memory import read_memory
from gastown_core.patrols.patrol import Limits, Patrol
from gastown_core.patrols.round import Watch
from gastown_core.town.inventory import read_inventory
from tests.support.cli import gt
from tests.support.fake_town import NOW, agent, snapshot
from tests.support.rigged import Rigged

DEACON = Patrol("deacon", "deacon", "", deacon.look)
KEY = "same-cause:limited:5-hour limit reached"


def limited(*numbers: int) -> list[AgentView]:
    why = ("5-hour limit reached", "record", 60)
    return [agent(f"shop/polecats/p{n}", Health.LIMITED, since=60, pane="%1", reasons=(why,)) for n in numbers]


def test_who_joins_and_who_leaves_an_open_incident_is_told_and_kept(tmp_path: Path) -> None:
    clock = FixedClock(NOW)
    watch = Watch(str(tmp_path), clock)

    def kinds(*numbers: int, **town: object) -> list[str]:
        clock.advance(15)
        watch.run(DEACON, snapshot(limited(*numbers), (), **town), Limits())
        log = (tmp_path / ".events.jsonl").read_text().splitlines()
        return [line.partition('"type":"')[2].partition('"')[0] for line in log]

    def open_now() -> set[str]:
        known = read_memory(str(tmp_path), clock.now()).open
        assert known == watch.memory.open
        return {name.rpartition("/")[2] for one in known.values() for name in one.subjects}

    assert kinds(1, 2) == ["incident_opened"]
    assert kinds(2, 1) == ["incident_opened"]
    assert kinds(1, 2, 3)[1:] == ["incident_changed"] and open_now() == {"p1", "p2", "p3"}
    # a look that does not see closes nothing and lets nobody leave
    blind = (SourceStatus("tmux", clock.now(), "timed out"),)
    assert len(kinds(1, 2, sources=blind)) == 2 and open_now() == {"p1", "p2", "p3"}
    assert kinds(2, 3)[2:] == ["incident_changed"] and open_now() == {"p2", "p3"}
    assert kinds(3)[3:] == ["incident_closed"] and open_now() == set()
    assert set(read_memory(str(tmp_path), clock.now()).over) == {KEY}


@pytest.mark.parametrize(
    ("kind", "key", "first"),
    [
        ("mass-death", "mass-death:together", "restart"),
        ("same-cause", KEY, "stop"),
        ("same-cause", "same-cause:waiting:trust this folder?", "answer"),
        ("stuck", "stuck:shop/polecats/opal", "nudge"),
    ],
)
def test_each_cause_has_an_act_that_helps(kind: str, key: str, first: str) -> None:
    assert Incident(key, "deacon", kind, "", (), NOW).helps[0] == first


def test_what_cannot_be_read_is_not_mended_by_an_act_on_the_agents() -> None:
    one = Incident("same-cause:unknown:the ledger cannot be read", "deacon", "same-cause", "", (), NOW)
    assert (one.helps, one.advice(one.helps)) == ((), "gt doctor")


def opened(rigged: Rigged, *subjects: str) -> str:
    payload = {"incident": KEY, "patrol": "deacon", "kind": "same-cause", "cause": "limited", "subjects": subjects}
    append_event(rigged.root, "incident_opened", "patrol:deacon", payload)
    ran = gt("incident", "list", "--json", cwd=rigged.root)
    assert ran.code == 0, ran.err
    return str(ran.json[0]["name"])


def test_one_act_reaches_all_and_keeps_their_work_first(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        rigged.sling(rigged.file().id)
    agents = [one for one in read_inventory(rigged.root).agents if one.address.role == "polecat"]
    with open(f"{agents[0].work_dir}/draft.txt", "w") as handle:
        handle.write("unsaved")
    given: list[tuple[str, str]] = []

    def hand(root: str, order: Order, notify: object, **_: object) -> bool:
        given.append((order.kind, order.target))
        return order.target == agents[0].address.path

    monkeypatch.setattr(joint_act, "perform", hand)
    paths = tuple(one.address.path for one in agents)
    incident = Incident(KEY, "deacon", "same-cause", "limited", (*paths, "shop/polecats/gone"), NOW)
    told: list[joint_act.Outcome] = []
    done = joint_act.act_for_all(rigged.root, incident, "restart", told.append, actor="overseer")
    assert given == [("agent.restart", path) for path in paths] and told == done
    assert [one.ok for one in done] == [True, False, False] and done[0].saved.startswith("refs/gastown/hook/")
    acts = rigged.events("patrol_acted")
    assert len(acts) == 3 and acts[0]["actor"] == "overseer"


def test_the_command_names_who_suffers_and_what_helps(rigged: Rigged) -> None:
    assert gt("incident", "list", cwd=rigged.root).out.strip() == "no open incident"
    name = opened(rigged, "shop/polecats/opal", "shop/polecats/ruby")
    out = gt("incident", "list", cwd=rigged.root).out
    assert "shop/polecats/opal, shop/polecats/ruby" in out and f"gt incident act {name} stop" in out
    assert "gt up" in out and "nobody sees whether these are over" in out, "no daemon looks"
    assert "would restart shop/polecats/opal" in gt("incident", "act", name, "restart", "-n", cwd=rigged.root).out
    assert gt("incident", "act", name, "answer", cwd=rigged.root).code == 2
    assert gt("incident", "act", "in-00000", "restart", cwd=rigged.root).code == 1
    # nobody of them is there: the act failed for all
    assert gt("incident", "act", name, "restart", cwd=rigged.root).code == 1
