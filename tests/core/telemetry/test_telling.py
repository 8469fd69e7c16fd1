"""Log records and spans that reach a collector: all that the tables name, each once, and no content without its opt-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gastown_core.clock import FixedClock
from gastown_core.events.log import append_event
from gastown_core.files.spool import spool, spool_path
from gastown_core.telemetry.export import Station
from gastown_core.telemetry.metric_table import ALL_LOGS, OPT_INS
from gastown_core.telemetry.notes import Note
from gastown_core.telemetry.outbox import EMPTY_FROM, Outbox
from gastown_core.telemetry.records import cut, record_of
from gastown_core.telemetry.targets import LOGS
from tests.support.collector import Collector, collecting, text_attributes


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


def station(root: Path, clock: FixedClock, **env: str) -> Station:
    one = Station(str(root), env, clock)
    one.run()
    return one


def told(root: Path, clock: FixedClock, kind: str, actor: str = "shop/polecats/opal", **payload: object) -> None:
    append_event(str(root), kind, actor, payload, clock=clock)


def test_a_record_has_its_name_its_attributes_and_who_did_it(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    one = station(tmp_path, clock, GT_OTEL_LOGS_URL=f"{collector.url}/v1/logs", OTEL_METRICS_EXPORTER="none")
    told(tmp_path, clock, "done", bead="sh-1", exit="DEFERRED")
    told(tmp_path, clock, "nudge_dead", actor="mayor", target="shop/polecats/opal", reason="secret words")
    spool(str(tmp_path), "bd.call", {"subcommand": "show", "duration_ms": 3.5}, clock=clock)
    clock.advance(60)
    assert one.run() == ""
    done, nudge, call = collector.records()
    assert (done.body.string_value, done.severity_text, done.time_unix_nano) == ("done", "INFO", 10**15)
    found = text_attributes(done)
    assert len(found.pop("log.record.uid")) == 32
    assert found == {"exit_type": "DEFERRED", "status": "ok"}
    assert (nudge.severity_text, text_attributes(nudge)["error"]) == ("ERROR", "not delivered")
    assert text_attributes(call)["duration_ms"] == 3.5
    origin = text_attributes(collector.logs[0].resource_logs[0].resource)
    assert {key: origin[key] for key in ("gt.actor", "gt.role", "gt.rig", "gt.agent", "service.name")} == {
        "gt.actor": "shop/polecats/opal",
        "gt.role": "shop/polecats/opal",
        "gt.rig": "shop",
        "gt.agent": "opal",
        "service.name": "gastown",
    }
    assert b"secret" not in b"".join(body for _, body, _ in collector.bodies)
    one.close()


def test_records_wait_for_a_collector_that_is_away_and_come_once(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    env = {"GT_OTEL_LOGS_URL": f"{collector.url}/insert/jsonline", "OTEL_METRICS_EXPORTER": "none"}
    one = station(tmp_path, clock, **env)
    collector.answer = 503
    for number in range(3):
        told(tmp_path, clock, "sling", bead=f"sh-{number}", target="t")
        clock.advance(700)
        one.run()
    assert collector.lines == []
    collector.answer = 200
    clock.advance(700)
    assert one.run() == f"logs reach {collector.url}/insert/jsonline again"
    # another process goes on where this one was
    told(tmp_path, clock, "sling", bead="sh-3", target="t")
    station(tmp_path, clock, **env)
    assert [line["bead"] for line in collector.lines] == ["sh-0", "sh-1", "sh-2", "sh-3"]
    assert collector.lines[0]["_time"] == "1970-01-12T13:46:40.000000Z"
    assert (collector.lines[0]["_msg"], collector.lines[0]["gt.rig"]) == ("sling", "shop")


def test_a_record_that_is_sent_again_has_the_same_id(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    env = {"GT_OTEL_LOGS_URL": f"{collector.url}/insert/jsonline", "OTEL_METRICS_EXPORTER": "none"}
    station(tmp_path, clock, **env)
    places = Outbox(str(tmp_path)).places(LOGS)
    told(tmp_path, clock, "sling", bead="sh-1", target="t")
    station(tmp_path, clock, **env)
    # as if it had been killed before it could note that the collector has it
    Outbox(str(tmp_path)).settle(LOGS, places)
    station(tmp_path, clock, **env)
    first, second = collector.lines
    assert first == second


def test_the_spool_is_emptied_when_all_have_read_it(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    one = station(tmp_path, clock, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    path = Path(spool_path(str(tmp_path)))
    text = "x" * 10_000
    for number in range(EMPTY_FROM // len(text) + 2):
        assert spool(str(tmp_path), "prime", {"role": f"r{number % 3}", "hook_mode": True, "filler": text}, clock=clock)
    clock.advance(60)
    one.run()
    assert path.stat().st_size == 0
    spool(str(tmp_path), "prime", {"role": "r0", "hook_mode": True}, clock=clock)
    clock.advance(60)
    one.run()
    assert sum(collector.values("gastown.prime.total").values()) == EMPTY_FROM // len(text) + 3
    assert len(collector.records()) == EMPTY_FROM // len(text) + 3
    one.close()


def test_a_run_of_an_agent_is_a_span_by_the_genai_conventions(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    one = station(tmp_path, clock, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/v1/traces")
    told(tmp_path, clock, "session_start", session_id="sh-opal", role="shop/polecats/opal", runtime="claude")
    clock.advance(60)
    one.run()
    one.close()
    # the run ends under another daemon
    clock.advance(60)
    told(tmp_path, clock, "kill", actor="overseer", target="shop/polecats/opal")
    station(tmp_path, clock, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/v1/traces").close()
    (span,) = collector.spans()
    assert (span.name, span.kind) == ("invoke_agent shop/polecats/opal", 3)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (10**15, 1_000_120 * 10**9)
    assert text_attributes(span) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "shop/polecats/opal",
        "gen_ai.agent.id": "sh-opal",
        "gen_ai.provider.name": "anthropic",
    }


def test_a_beads_way_is_one_trace_from_sling_to_merge(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    one = station(tmp_path, clock, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/v1/traces")
    for kind, payload in (
        ("sling", {"bead": "sh-1", "target": "shop/polecats/opal"}),
        ("done", {"bead": "sh-1", "branch": "b"}),
        ("merge_failed", {"bead": "sh-1", "mr": "m", "reason": "secret"}),
        ("merged", {"bead": "sh-1", "mr": "m"}),
    ):
        told(tmp_path, clock, kind, **payload)
        clock.advance(60)
    one.run()
    spans = {(span.name, span.start_time_unix_nano // 10**9 - 1_000_000): span for span in collector.spans()}
    assert sorted(spans) == [("bead sh-1", 0), ("merge sh-1", 60), ("merge sh-1", 120), ("work sh-1", 0)]
    whole = spans["bead sh-1", 0]
    assert {span.trace_id for span in spans.values()} == {whole.trace_id}
    assert [s.parent_span_id for s in spans.values() if s is not whole] == [whole.span_id] * 3
    assert (spans["merge sh-1", 60].status.code, whole.status.code) == (2, 0)
    one.close()


def test_a_command_is_a_span_below_its_callers(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    one = station(tmp_path, clock, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/v1/traces")
    parent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    note = {"program": "gt", "command": "sling", "duration_ms": 250.0, "code": 1, "traceparent": parent}
    spool(str(tmp_path), "command", note, error="NotFoundError", clock=clock)
    spool(str(tmp_path), "command", {**note, "traceparent": "junk"}, clock=clock)
    clock.advance(60)
    one.run()
    span, alone = collector.spans()
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("gt sling", "ab" * 16, "cd" * 8)
    assert span.end_time_unix_nano - span.start_time_unix_nano == 250_000_000
    assert (span.status.code, span.status.message) == (2, "NotFoundError")
    assert alone.parent_span_id == b""
    one.close()


FULL: dict[str, object] = dict.fromkeys((name for row in ALL_LOGS.values() for name in row.attributes), "x")
CONTENT = {name: "secret words" for row in ALL_LOGS.values() for name, _ in row.opt_attributes}


@pytest.mark.parametrize("kind", sorted(ALL_LOGS))
def test_content_is_told_only_where_it_is_allowed(kind: str) -> None:
    row = ALL_LOGS[kind]
    full: dict[str, Any] = {
        **FULL,
        **CONTENT,
        **({"content": "secret words", "formula": "secret words"} if row.opt_in else {}),
    }
    note = Note(kind, 1.0, "mayor", full)
    silent = record_of("/town", note, frozenset(), {})
    assert silent is None if row.opt_in else silent is not None and "secret words" not in silent.attributes.values()
    allowed = record_of("/town", note, frozenset(OPT_INS), {})
    assert allowed is not None
    assert set(row.attributes) <= set(allowed.attributes)
    assert {name for name, _ in row.opt_attributes} <= set(allowed.attributes)


def test_content_is_cut_at_whole_letters() -> None:
    assert cut("äöü", 0) == "äöü"
    assert cut("äöü", 6) == "äöü"
    assert cut("äöüß", 7) == "äö…"
    assert len(cut("ä" * 500, 256).encode()) <= 256
