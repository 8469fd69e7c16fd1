"""What happened since somebody looked: a pure reading of events, and the moment of the last look."""

from __future__ import annotations

import os

from gastown_core.attention import digest as state
from gastown_core.attention.look import attention
from gastown_core.model.agent import Health
from gastown_core.model.snapshot import LetterView
from gastown_core.model.town_event import TownEvent
from tests.support.fake_town import NOW, agent, empty_snapshot

EMPTY = empty_snapshot()


def event(ago: float, kind: str, actor: str = "shop/refinery", **payload) -> TownEvent:
    return TownEvent(NOW - ago, kind, actor, payload, "feed", -1)


def read(*events: TownEvent, since: float = NOW - 3600, town=EMPTY) -> state.Digest:
    return state.digest(sorted(events, key=lambda one: -one.ts), since, attention(town), NOW)


def told(found: state.Digest) -> list[tuple[str, str, str, int]]:
    return [(row.section, row.bead, row.words, row.times) for row in found.rows]


def test_work_that_was_sent_back_and_landed_later_has_landed():
    found = read(
        event(900, "merge_failed", bead="gt-a", worker="opal", reason="unit red"),
        event(600, "merge_failed", bead="gt-b", worker="ruby", reason="unit red"),
        event(500, "merge_failed", bead="gt-b", worker="ruby", reason="lint red"),
        event(60, "merged", bead="gt-a", mr="gt-m", worker="opal", target="main", commit="abc123"),
    )
    assert told(found) == [("sent back", "gt-b", "lint red", 2), ("landed", "gt-a", "→ main", 1)]
    assert (found.rows[1].who, found.rows[1].commit, found.rows[1].kind) == ("shop/opal", "abc123", "merged")
    assert found.summary == "1 landed, 1 sent back"


def test_what_was_taken_back_has_not_landed_until_it_lands_again():
    landed = {"bead": "gt-a", "worker": "opal", "target": "main"}
    events = [
        event(900, "merged", mr="gt-m", **landed),
        event(800, "merged", mr="gt-n", bead="gt-b", worker="ruby", target="main"),
        event(700, "merge_reverted", mr="gt-m", reason="smoke is red", **landed),
    ]
    found = read(*events)
    assert told(found) == [
        ("sent back", "gt-a", "taken back from main: smoke is red", 1), ("landed", "gt-b", "→ main", 1),
    ]  # fmt: skip
    assert found.rows[0].who == "shop/opal" and found.summary == "1 landed, 1 sent back"
    again = read(*events, event(60, "merged", mr="gt-o", **landed))
    assert [(row.section, row.bead) for row in again.rows] == [("landed", "gt-a"), ("landed", "gt-b")]


def test_a_convoy_that_is_open_again_has_not_landed_until_it_lands_once_more():
    convoy = {"convoy": "hq-cv-1", "title": "Bug fixes"}
    events = [event(900, "convoy_landed", **convoy), event(700, "convoy_reopened", reason="taken back", **convoy)]
    assert read(*events).rows == ()
    [row] = read(*events, event(60, "convoy_landed", **convoy)).rows
    assert row.section == "landed"


def test_mail_to_be_read_is_counted_and_does_not_wait_for_anybody():
    news = LetterView("hq-m2", "Convoy landed: Bug fixes", "daemon", 2, NOW, informs=True)
    found = read(town=EMPTY._replace(letters=(news,)))
    assert (found.rows, found.to_read, found.summary) == ((), 1, "nothing that needs you, 1 to read")
    assert found.as_json()["to_read"] == 1


def test_what_came_after_its_end_is_open_again():
    found = read(
        event(900, "escalation_sent", escalation_id="hq-1", severity="high", reason="stuck"),
        event(800, "escalation_closed", escalation_id="hq-1"),
        event(700, "escalation_sent", escalation_id="hq-1", severity="high", reason="stuck again"),
        event(600, "escalation_sent", escalation_id="hq-2", severity="low", reason="over"),
        event(500, "escalation_closed", escalation_id="hq-2"),
        event(400, "queue_held", rig="shop", target="main", reason="red"),
        event(300, "queue_released", rig="shop", target="main"),
        event(200, "queue_held", rig="shop", target="next", reason="red"),
    )
    assert [(row.section, row.words.split(":")[0]) for row in found.rows] == [
        ("escalated", "HIGH stuck again"),
        ("held", "merging into next of shop is held"),
    ]


def test_a_dead_agent_counts_once_and_says_whether_it_runs_again():
    dead = {"agent": "shop/polecats/opal", "reason": "exit 1"}
    found = read(
        event(900, "session_death", "daemon", **dead),
        event(600, "session_death", "daemon", **dead),
        event(500, "session_start", "shop/polecats/opal"),
        event(400, "session_death", "daemon", agent="shop/polecats/ruby", reason=""),
    )
    assert [(row.who, row.words, row.times) for row in found.rows] == [
        ("shop/ruby", "no reason is known", 1),
        ("shop/opal", "exit 1 (running again)", 2),
    ]


def test_the_span_ends_where_it_should_and_figures_are_counted():
    found = read(
        event(4000, "merged", bead="gt-old", mr="gt-m"),
        event(100, "sling", bead="gt-a", target="shop/opal"),
        event(90, "done", bead="gt-a"),
    )
    assert told(found) == [] and (found.dispatched, found.handed_in) == (1, 1)
    assert found.summary == "nothing that needs you"


def test_agents_that_wait_for_a_person_come_first():
    waits = agent("shop/polecats/ruby", Health.WAITING, since=120, reasons=(("allow Bash?", "screen", 1),))
    found = read(event(60, "merged", bead="gt-a", mr="gt-m", target="main"), town=EMPTY._replace(agents=(waits,)))
    assert [(row.section, row.who) for row in found.rows] == [("waits", "shop/ruby"), ("landed", "shop/refinery")]
    assert found.summary == "1 landed, 1 waits for you"


def test_odd_payloads_do_no_harm():
    kinds = [*state.TOPICS, *state.ENDS]
    events = [TownEvent(NOW - 60, kind, "", {"bead": ["x"], "worker": 3, "reason": None}, "feed", -1) for kind in kinds]
    assert read(*events).as_json()["summary"]


def test_a_log_too_long_is_read_in_part_and_that_is_said(monkeypatch):
    monkeypatch.setattr(state, "MOST_EVENTS", 2)
    found = read(*(event(ago, "sling", bead="gt-a") for ago in (30, 20, 10)))
    assert (found.dispatched, found.is_cut) == (2, True)


def test_the_last_look_is_kept_privately(tmp_path):
    root = str(tmp_path)
    assert state.last_look(root) == 0.0
    state.note_look(root, NOW)
    assert state.last_look(root) == NOW
    assert os.stat(os.path.join(root, state.LOOKED)).st_mode & 0o777 == 0o600


def test_a_town_that_takes_no_file_keeps_no_look(tmp_path):
    (tmp_path / ".runtime").write_text("a file in the way")
    state.note_look(str(tmp_path), NOW)
    assert state.last_look(str(tmp_path)) == 0.0
