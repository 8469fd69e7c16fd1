"""The log, the curated feed and retention."""

from __future__ import annotations

import json
import os
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock, format_micros, format_seconds, parse_moment
from gastown_core.errors import ConflictError
from gastown_core.events import log
from gastown_core.events.channels import emit
from gastown_core.events.feed import CurationRules, curate, feed_path, read_rules
from gastown_core.events.log import append_event, encode_event, events_since, log_path, newest_events, parse_event
from gastown_core.events.retention import prune, set_ttl, ttl_of
from gastown_core.events.retention import read_rules as retention_rules
from gastown_core.files.locks import FileLock
from gastown_core.files.tail import Tailer
from gastown_core.model.event import CATALOGUE, TONES, TownEvent, describe, kind_of

NOW = 1_772_445_000.0


def write(root: Path, event_type: str, actor: str, at: float, **payload: object) -> None:
    append_event(str(root), event_type, actor, payload, clock=FixedClock(at))


def test_a_line_has_the_keys_of_the_go_tools(tmp_path: Path) -> None:
    write(tmp_path, "sling", "mayor", NOW + 0.25, bead="gt-1", target="shop/opal")
    record = json.loads((tmp_path / ".events.jsonl").read_bytes())
    assert list(record)[:6] == ["ts", "source", "type", "actor", "payload", "visibility"]
    assert record["ts"] == format_seconds(NOW)
    event = next(newest_events(log_path(str(tmp_path))))
    assert event.ts == pytest.approx(NOW + 0.25)


def test_outside_a_town_nothing_is_written_and_nothing_fails(tmp_path: Path) -> None:
    assert append_event("", "sling", "mayor") is False
    assert append_event(str(tmp_path / "gone"), "sling", "mayor") is False


def test_an_event_is_stamped_in_the_order_of_the_log(tmp_path: Path) -> None:
    class Waits(FixedClock):
        def now(self) -> float:
            with pytest.raises(ConflictError), FileLock(log_path(str(tmp_path)) + ".lock", timeout_s=0):
                pass
            return self.at

    assert append_event(str(tmp_path), "mail", "mayor", clock=Waits(100.0)), "nobody can write between stamp and line"


def test_what_happened_since_a_moment_includes_stamps_that_are_cut_and_lines_out_of_order(tmp_path: Path) -> None:
    def told(since: float) -> str:
        return "".join(event.actor for event in events_since(log_path(str(tmp_path)), since))

    for who, at in (("a", 90.0), ("b", 100.1), ("c", 100.45), ("d", 100.5004), ("e", 100.7)):
        append_event(str(tmp_path), "mail", who, clock=FixedClock(at))
    with open(log_path(str(tmp_path)), "a") as handle:
        # another tool: whole seconds
        handle.write(json.dumps({"ts": format_seconds(100.9), "type": "mail", "actor": "g"}) + "\n")
        handle.write(json.dumps({"ts": "?", "type": "mail", "actor": "u"}) + "\n")

    assert told(100.5007) == "uged"
    assert told(100.8) == "ug"
    assert told(101.0) == "u"
    assert told(0.0) == "ugedcba"


def test_a_moment_that_is_read_and_written_again_stays_the_same() -> None:
    for micros in range(0, 1_000_000, 997):
        text = f"2026-03-02T10:14:07.{micros:06d}Z"
        assert format_micros(parse_moment(text) or 0.0) == text
    assert format_micros(1.9999999) == "1970-01-01T00:00:02.000000Z"


def test_the_reference_log_reads_whole() -> None:
    lines = Path("tests/data/reference-town/events.jsonl").read_bytes().splitlines()
    events = [parse_event(line) for line in lines]
    assert len(events) == 9
    sentences = [describe(event) for event in events if event is not None]
    assert sentences[0] == "spawned demo/rust"
    assert sentences[3] == "slung dm-9d8 to demo/polecats/rust"
    assert "HIGH" in sentences[7]


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_kind_has_a_sentence_for_empty_and_odd_payloads(name: str) -> None:
    kind = CATALOGUE[name]
    assert kind.tone in TONES
    assert kind.ascii.isascii()
    for payload in (
        {},
        {key: key for key in kind.keys},
        dict.fromkeys(kind.keys, 7),
        dict.fromkeys(kind.keys),
    ):
        assert describe(TownEvent(NOW, name, "mayor", payload, "feed", -1))


def test_an_unknown_kind_degrades_to_its_name() -> None:
    assert describe(TownEvent(NOW, "quux", "mayor", {}, "feed", -1)) == "quux"
    assert kind_of("quux").category == "system"


@pytest.mark.parametrize("line", [b"", b"nonsense", b"[]", b'{"type": 3}', b'{"actor":"x"}', b"\xff\xfe"])
def test_junk_is_no_event(line: bytes) -> None:
    assert parse_event(line) is None


def curated(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(feed_path(str(root))).read_bytes().splitlines()]


def run_curator(root: Path) -> None:
    tail = Tailer(log_path(str(root)), offset=0)
    events = [event for at, line in tail.read().lines if (event := parse_event(line, at)) is not None]
    curate(str(root), events)


def test_a_burst_of_slings_is_told_with_a_count_from_the_third_on(tmp_path: Path) -> None:
    for n in range(5):
        write(tmp_path, "sling", "mayor", NOW + 2 * n, bead=f"gt-{n}", target="shop")
    run_curator(tmp_path)
    assert [record.get("count") for record in curated(tmp_path)] == [None, None, 3, 4, 5]
    assert curated(tmp_path)[-1]["summary"] == "mayor dispatching work to 5 agents"


def test_a_second_done_by_the_same_actor_is_dropped_and_another_actors_is_not(tmp_path: Path) -> None:
    write(tmp_path, "done", "shop/opal", NOW, bead="gt-1")
    write(tmp_path, "done", "shop/opal", NOW + 5, bead="gt-1")
    write(tmp_path, "done", "shop/ruby", NOW + 5, bead="gt-2")
    write(tmp_path, "done", "shop/opal", NOW + 30, bead="gt-3")
    run_curator(tmp_path)
    assert [record["actor"] for record in curated(tmp_path)] == ["shop/opal", "shop/ruby", "shop/opal"]


def test_audit_events_stay_out(tmp_path: Path) -> None:
    append_event(str(tmp_path), "mail", "mayor", {}, visibility="audit", clock=FixedClock(NOW))
    run_curator(tmp_path)
    assert not Path(feed_path(str(tmp_path))).exists()


def test_bad_curation_settings_fall_back_one_by_one() -> None:
    settings = {
        "feed_curator": {"done_dedupe_window": "1m", "sling_aggregate_window": "soon", "min_aggregate_count": 0}
    }
    assert read_rules(settings) == CurationRules(60.0, 30.0, 3)


def test_the_feed_is_cut_to_its_newest_half_at_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gastown_core.events.feed.MAX_BYTES", 4000)
    for n in range(60):
        write(tmp_path, "mail", "mayor", NOW + n, to="shop/opal", subject=f"number {n} ✉")
    run_curator(tmp_path)
    assert Path(feed_path(str(tmp_path))).stat().st_size < 4400
    assert curated(tmp_path)[-1]["payload"] == {"to": "shop/opal", "subject": "number 59 ✉"}


DAY = 86400.0


def test_prune_drops_by_lifetime_and_keeps_junk_and_the_newest(tmp_path: Path) -> None:
    (tmp_path / ".krc.yaml").write_text('{"min_retain_count": 1}')
    log = tmp_path / ".events.jsonl"
    lines = [
        encode_event("patrol_started", "mayor", {}, "feed", NOW - 2 * DAY),
        encode_event("sling", "mayor", {}, "feed", NOW - 2 * DAY),
        encode_event("merged", "mayor", {}, "feed", NOW - 20 * DAY),
        b"junk line",
        encode_event("patrol_started", "mayor", {}, "feed", NOW - 2 * DAY),
    ]
    log.write_bytes(b"\n".join(lines) + b"\n")
    (done,) = prune(str(tmp_path), NOW)
    assert (done.dropped, done.kept) == (1, 4)
    assert log.read_bytes().splitlines() == lines[1:]


def test_nothing_expired_means_no_rewrite(tmp_path: Path) -> None:
    write(tmp_path, "sling", "mayor", NOW)
    before = (tmp_path / ".events.jsonl").stat().st_ino
    prune(str(tmp_path), NOW)
    assert (tmp_path / ".events.jsonl").stat().st_ino == before


def test_lifetimes_take_text_and_nanoseconds_and_the_longest_glob(tmp_path: Path) -> None:
    (tmp_path / ".krc.yaml").write_text(
        '{"default_ttl": 3600000000000, "ttls": {"m*": "1d", "merge*": "2d", "mail": "3h"}}'
    )
    rules = retention_rules(str(tmp_path))
    assert (ttl_of("mail", rules), ttl_of("merged", rules), ttl_of("mass_death", rules)) == (10800, 2 * DAY, DAY)
    assert ttl_of("never_heard_of", rules) == 3600
    set_ttl(str(tmp_path), "sling", "30d")
    assert ttl_of("sling", retention_rules(str(tmp_path))) == 30 * DAY


def test_a_writer_during_prunes_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / ".krc.yaml").write_text('{"min_retain_count": 0}')
    old, stop = 50, threading.Event()
    for n in range(old):
        write(tmp_path, "patrol_started", "mayor", NOW - 9 * DAY, n=n)

    def prune_again() -> None:
        while not stop.is_set():
            prune(str(tmp_path), NOW)

    pruner = threading.Thread(target=prune_again)
    pruner.start()
    for n in range(300):
        write(tmp_path, "sling", "mayor", NOW, bead=f"gt-{n}")
    stop.set()
    pruner.join()
    beads = [event.payload["bead"] for event in newest_events(log_path(str(tmp_path)))]
    assert beads[::-1] == [f"gt-{n}" for n in range(300)]


@pytest.mark.parametrize("trouble", ["locked", "a directory", "no json", "deep", "full"])
def test_an_event_that_cannot_be_written_fails_nothing_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    root = str(tmp_path)
    payload: dict[str, object] = {"bead": "gt-1"}
    monkeypatch.setattr(log, "LOCK_S", 0.01)
    with ExitStack() as held:
        if trouble == "locked":
            held.enter_context(FileLock(log.log_path(root) + ".lock"))
        elif trouble == "a directory":
            os.mkdir(log.log_path(root))
        elif trouble == "no json":
            payload = {"bead": object()}
        elif trouble == "deep":
            for _ in range(200_000):
                payload = {"in": payload}
        else:
            monkeypatch.setattr(log, "append_lines", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        assert log.append_event(root, "hook", "mayor", payload, clock=FixedClock(1.0)) is False
    assert log.last_failure.startswith("hook is missing from the event log: ")


def test_an_event_beyond_the_calendar_is_written_with_its_last_moment(tmp_path: Path) -> None:
    assert log.append_event(str(tmp_path), "hook", "mayor", {"bead": "gt-1"}, clock=FixedClock(1e30))
    assert [event.payload["bead"] for event in newest_events(log_path(str(tmp_path)))] == ["gt-1"]
    assert '"ts":"9999-12-31T23:59:59Z"' in Path(log_path(str(tmp_path))).read_text()


def test_a_wake_up_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("no folder")
    assert emit(str(tmp_path), "refinery", "MQ_SUBMIT") == ""
