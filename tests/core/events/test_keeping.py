"""Channels, the curator's place in the log, and figures about what is kept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.errors import UsageError
from gastown_core.events import chronicle
from gastown_core.events.channels import emit, pending
from gastown_core.events.feed import CuratedView, CurationRules, catch_up, feed_path
from gastown_core.events.log import append_event
from gastown_core.events.retention import prune

NOW = 1_772_445_000.0
DAY = 86400.0


def write(root: Path, event_type: str, at: float, **payload: object) -> None:
    append_event(str(root), event_type, "mayor", payload, clock=FixedClock(at))


def told(root: Path) -> list[str]:
    return [json.loads(line)["payload"]["subject"] for line in Path(feed_path(str(root))).read_bytes().splitlines()]


def test_wake_ups_come_whole_and_in_order(tmp_path: Path) -> None:
    for n in range(3):
        emit(str(tmp_path), "refinery", "MQ_SUBMIT", {"n": str(n)}, clock=FixedClock(NOW + n))
    (tmp_path / "events" / "refinery" / "0-junk.event").write_text("{")
    assert [wake.payload["n"] for wake in pending(str(tmp_path), "refinery")] == ["0", "1", "2"]
    assert pending(str(tmp_path), "witness") == []
    with pytest.raises(UsageError):
        emit(str(tmp_path), "../out", "X")


def test_the_curator_tells_each_event_once_however_often_it_is_asked(tmp_path: Path) -> None:
    write(tmp_path, "mail", NOW, to="x", subject="a")
    assert (catch_up(str(tmp_path)), catch_up(str(tmp_path))) == (1, 0)
    write(tmp_path, "mail", NOW + 1, to="x", subject="b")
    assert catch_up(str(tmp_path)) == 1
    assert told(tmp_path) == ["a", "b"]


def test_the_curator_works_on_after_the_log_was_pruned(tmp_path: Path) -> None:
    (tmp_path / ".krc.yaml").write_text('{"min_retain_count": 1, "ttls": {"mail": "1d"}}')
    for n, subject in enumerate("abc"):
        write(tmp_path, "mail", NOW + n, to="x", subject=subject)
    catch_up(str(tmp_path))
    prune(str(tmp_path), NOW + 2 * DAY)
    write(tmp_path, "mail", NOW + 2 * DAY, to="x", subject="d")
    catch_up(str(tmp_path))
    assert told(tmp_path)[-1] == "d"
    assert told(tmp_path).count("c") == 1


def test_a_pruned_log_is_curated_on_within_the_second_of_the_last_record(tmp_path: Path) -> None:
    (tmp_path / ".krc.yaml").write_text('{"min_retain_count": 2, "ttls": {"mail": "1d"}}')
    for n, subject in enumerate("abc"):
        write(tmp_path, "mail", NOW + n * 0.3, to="x", subject=subject)
    view = CuratedView(str(tmp_path), CurationRules())
    assert [one.payload["subject"] for one in view.fresh()] == ["a", "b", "c"]
    catch_up(str(tmp_path))
    prune(str(tmp_path), NOW + 2 * DAY)
    # the feed has whole seconds, and other tools' events too
    write(tmp_path, "mail", NOW + 0.6, to="x", subject="d")
    write(tmp_path, "mail", NOW, to="x", subject="e")

    catch_up(str(tmp_path))
    assert told(tmp_path) == ["b", "c", "d", "e"]
    assert [one.payload["subject"] for one in view.fresh()] == ["d", "e"]


def test_no_log_is_nothing_to_curate(tmp_path: Path) -> None:
    assert catch_up(str(tmp_path)) == 0


def test_figures_count_types_ages_and_what_expired(tmp_path: Path) -> None:
    write(tmp_path, "sling", NOW - DAY / 2)
    write(tmp_path, "patrol_started", NOW - 3 * DAY)
    value = chronicle.stats(str(tmp_path), NOW)
    assert value["events_file"]["event_count"] == 2
    assert value["by_age"] == {"0-1d": 1, "1-7d": 1, "7-30d": 0, "30d+": 0}
    assert value["ttl_breakdown"]["patrol_started"] == {"ttl": "1d", "count": 1, "expired": 1}
    assert chronicle.stats(str(tmp_path / "none"), NOW)["by_type"] == {}


def test_automatic_pruning_is_due_once_an_interval_and_adds_up(tmp_path: Path) -> None:
    (tmp_path / ".krc.yaml").write_text('{"min_retain_count": 0}')
    write(tmp_path, "patrol_started", NOW - 3 * DAY)
    assert chronicle.due_in(str(tmp_path), NOW) <= 0
    chronicle.prune_and_note(str(tmp_path), NOW)
    assert chronicle.due_in(str(tmp_path), NOW + 60) == 3540
    write(tmp_path, "patrol_started", NOW - 3 * DAY)
    chronicle.prune_and_note(str(tmp_path), NOW + 3600)
    state = json.loads(Path(chronicle.state_path(str(tmp_path))).read_text())
    assert (state["prune_count"], state["total_pruned"]) == (2, 2)
    assert os.path.getsize(tmp_path / ".events.jsonl") == 0
