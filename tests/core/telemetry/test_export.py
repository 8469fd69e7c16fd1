"""What the daemon sends to collectors, decoded by the official protobufs, and what it says of one that is dead."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.events.log import append_event
from gastown_core.files.atomic import write_json
from gastown_core.files.spool import is_on, spool
from gastown_core.model.address import Address
from gastown_core.telemetry.export import Station
from gastown_core.telemetry.targets import DEFAULT_URLS, JSON_LINES, LOGS, METRICS, OTLP, REMOTE_WRITE, TRACES, choose
from gastown_core.town.inventory import RosterEntry
from gastown_core.town.settings import settings_path
from gastown_core.town.start_plan import telemetry_env
from tests.support.collector import Collector, collecting, text_attributes

OK = (("status", "ok"),)
NO_LOGS = {"OTEL_LOGS_EXPORTER": "none"}
SLING = "gastown.sling.dispatches.total"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


def sling(root: Path, clock: FixedClock) -> None:
    append_event(str(root), "sling", "mayor", {"bead": "sh-1", "target": "t"}, clock=clock)


def test_sums_reach_a_collector_as_cumulative_sums_of_the_town(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    station = Station(str(tmp_path), {"GT_OTEL_METRICS_URL": f"{collector.url}/v1/metrics", **NO_LOGS}, clock)
    assert station.run()
    sling(tmp_path, clock)
    spool(str(tmp_path), "bd.call", {"subcommand": "show", "duration_ms": 12.5}, clock=clock)
    clock.advance(60)
    assert station.run() == ""
    assert collector.values(SLING) == {OK: 1.0}
    point = collector.points(SLING)[OK]
    assert (point.start_time_unix_nano, point.time_unix_nano) == (10**15, 1_000_060 * 10**9)
    (request,) = collector.metrics[-1].resource_metrics
    assert {m.name: m.sum.aggregation_temporality for m in request.scope_metrics[0].metrics}[SLING] == 2
    told = text_attributes(request.resource)
    assert (told["service.name"], told["gt.town"]) == ("gastown-daemon", tmp_path.name)
    (measured,) = collector.points("gastown.bd.duration_ms").values()
    assert (measured.count, measured.sum, measured.min, measured.max) == (1, 12.5, 12.5, 12.5)
    station.close()


def test_a_restarted_daemon_sends_the_same_row_of_sums_on(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    env = {"GT_OTEL_METRICS_URL": f"{collector.url}/v1/metrics", **NO_LOGS}
    instances = set()
    for expected in (1.0, 2.0, 3.0):
        station = Station(str(tmp_path), env, clock)
        station.run()
        sling(tmp_path, clock)
        clock.advance(60)
        station.run()
        # not closed: as if it had been killed
        assert collector.values(SLING) == {OK: expected}
        instances.add(text_attributes(collector.metrics[-1].resource_metrics[0].resource)["service.instance.id"])
        assert collector.points(SLING)[OK].start_time_unix_nano == 10**15
    assert len(instances) == 1


def test_a_dead_collector_is_told_once_and_has_all_when_it_lives(tmp_path: Path) -> None:
    clock = FixedClock(1_000_000.0)
    with collecting() as dead:
        url = dead.url
    station = Station(str(tmp_path), {"GT_OTEL_METRICS_URL": f"{url}/api/v1/write", **NO_LOGS}, clock)
    said = [station.run()]
    for _ in range(5):
        sling(tmp_path, clock)
        clock.advance(700)
        said.append(station.run())
    assert f"no metrics to {url}/api/v1/write: connection refused" in said[0]
    assert said[1:] == [""] * 5


def test_a_collector_that_refuses_is_asked_less_and_less_often(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    collector.answer = 400
    station = Station(str(tmp_path), {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, clock)
    assert "HTTP 400 Bad Request" in station.run()
    collector.answer = 200
    clock.advance(29)
    assert station.run() == ""
    assert collector.metrics == []
    clock.advance(2)
    assert station.run() == f"metrics reach {collector.url}/v1/metrics again"
    assert collector.metrics
    station.close()


def test_the_last_sums_are_sent_when_the_daemon_ends(tmp_path: Path, collector: Collector) -> None:
    clock = FixedClock(1_000_000.0)
    station = Station(str(tmp_path), {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{collector.url}/v1/metrics"}, clock)
    station.run()
    sling(tmp_path, clock)
    station.close()
    assert collector.values(SLING) == {OK: 1.0}


def test_the_standard_variables_are_followed(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    clock = FixedClock(1_000_000.0)
    sling(tmp_path, clock)
    station = Station(str(tmp_path), {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url + "/"}, clock)
    station.run()
    spool(str(tmp_path), "daemon.heartbeat", {}, clock=clock)
    clock.advance(60)
    station.run()
    path, _, headers = collector.bodies[-1]
    assert (path, headers["authorization"], headers["content-encoding"]) == ("/v1/metrics", "Bearer x", "gzip")
    told = text_attributes(collector.metrics[-1].resource_metrics[0].resource)
    assert (told["service.name"], told["deployment.environment.name"]) == ("mine", "test")
    station.close()


def _unsnappy(block: bytes) -> bytes:
    """The content of a block of literals, as the format's description has it."""
    at = 0
    while block[at] & 0x80:
        at += 1
    at += 1
    out = b""
    while at < len(block):
        assert block[at] == 61 << 2
        (length,) = struct.unpack("<H", block[at + 1 : at + 3])
        out += block[at + 3 : at + 4 + length]
        at += 4 + length
    return out


def test_the_seeds_url_for_metrics_gets_remote_write(tmp_path: Path, collector: Collector) -> None:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="write.proto", package="p", syntax="proto3")
    for name, fields in {
        "Label": [("name", 1, 9, 1, ""), ("value", 2, 9, 1, "")],
        "Sample": [("value", 1, 1, 1, ""), ("timestamp", 2, 3, 1, "")],
        "TimeSeries": [("labels", 1, 11, 3, ".p.Label"), ("samples", 2, 11, 3, ".p.Sample")],
        "WriteRequest": [("timeseries", 1, 11, 3, ".p.TimeSeries")],
    }.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label, of in fields:
            message.field.add(name=field, number=number, type=kind, label=label, type_name=of or None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    write_request = message_factory.GetMessageClass(pool.FindMessageTypeByName("p.WriteRequest"))

    clock = FixedClock(1_000_000.0)
    station = Station(str(tmp_path), {"GT_OTEL_METRICS_URL": f"{collector.url}/api/v1/write", **NO_LOGS}, clock)
    station.run()
    for number in range(2000):
        spool(str(tmp_path), "prime", {"role": f"r{number % 400}", "hook_mode": True}, clock=clock)
    spool(str(tmp_path), "bd.call", {"subcommand": "show", "duration_ms": 12.5}, clock=clock)
    clock.advance(60)
    station.run()
    path, body, headers = collector.bodies[-1]
    assert (path, headers["content-encoding"]) == ("/api/v1/write", "snappy")
    told = write_request.FromString(_unsnappy(body))
    found = {tuple((x.name, x.value) for x in one.labels): one.samples[0] for one in told.timeseries}
    key = (
        ("__name__", "gastown_prime_total"),
        ("hook_mode", "true"),
        ("job", "gastown-daemon"),
        ("role", "r7"),
        ("status", "ok"),
    )
    assert (found[key].value, found[key].timestamp) == (5.0, 1_000_060_000)
    buckets = [s.value for k, s in found.items() if ("__name__", "gastown_bd_duration_ms_bucket") in k]
    assert buckets == [0.0] * 4 + [1.0] * 11


CHOICES = [
    ({}, {}, {}),
    ({"GT_OTEL_METRICS_URL": "http://localhost:8428/api/v1/write", "GT_OTEL_LOGS_URL": "http://localhost:9428/insert/jsonline"}, {},
     {METRICS: ("http://localhost:8428/api/v1/write", REMOTE_WRITE), LOGS: ("http://localhost:9428/insert/jsonline", JSON_LINES)}),
    ({"GT_OTEL_LOGS_URL": "http://h/l"}, {}, {METRICS: (DEFAULT_URLS[METRICS], OTLP), LOGS: ("http://h/l", OTLP)}),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4318"}, {},
     {METRICS: ("http://h:4318/v1/metrics", OTLP), LOGS: ("http://h:4318/v1/logs", OTLP), TRACES: ("http://h:4318/v1/traces", OTLP)}),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_LOGS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "none"}, {},
     {METRICS: ("http://h/v1/metrics", OTLP)}),
    ({"OTEL_SDK_DISABLED": "true", "GT_OTEL_LOGS_URL": "http://h/l"}, {}, {}),
    ({}, {"traces_url": "http://h/t"}, {TRACES: ("http://h/t", OTLP)}),
    ({"GT_OTEL_LOGS_URL": "http://h/l"}, {"enabled": "off"}, {}),
    ({"GT_OTEL_LOGS_URL": "h/l"}, {}, {METRICS: (DEFAULT_URLS[METRICS], OTLP)}),
]  # fmt: skip


@pytest.mark.parametrize(("env", "settings", "expected"), CHOICES)
def test_where_telemetry_goes(
    tmp_path: Path, env: dict[str, str], settings: dict[str, str], expected: dict[str, tuple[str, str]]
) -> None:
    write_json_settings(tmp_path, settings)
    choice = choose(str(tmp_path), env)
    assert {one.signal: (one.url, one.encoding) for one in choice.targets} == expected
    assert choice.is_on == bool(expected)


def write_json_settings(root: Path, telemetry: dict[str, object]) -> None:
    path = Path(settings_path(str(root)))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(str(path), {"telemetry": telemetry})


def test_a_url_that_is_none_is_told_once(tmp_path: Path) -> None:
    station = Station(str(tmp_path), {"GT_OTEL_METRICS_URL": "localhost:8428"}, FixedClock(1e6))
    assert "it does not begin with http:// or https://" in station.run()
    assert station.run() == ""


def test_telemetry_that_is_off_leaves_no_spool(tmp_path: Path) -> None:
    root = str(tmp_path)
    write_json_settings(tmp_path, {"enabled": "on"})
    Station(root, {}, FixedClock(1e6)).run()
    assert is_on(root)
    write_json_settings(tmp_path, {"enabled": "off"})
    assert Station(root, {}, FixedClock(1e6)).run() == ""
    assert not is_on(root)


def test_a_password_in_a_url_is_not_told(tmp_path: Path) -> None:
    with collecting() as dead:
        url = dead.url.replace("http://", "http://me:secret@")
    said = Station(str(tmp_path), {"GT_OTEL_METRICS_URL": f"{url}/api/v1/write?key=secret"}, FixedClock(1e6)).run()
    assert "no metrics to" in said
    assert "secret" not in said


def test_agents_that_start_are_told_where_to_export_to_while_the_receiver_is_on(tmp_path: Path) -> None:
    root = str(tmp_path)
    entry = RosterEntry(Address("polecat", "shop", "opal"), "sh-opal", root, "sh-shop-polecat-opal")
    write_json_settings(tmp_path, {"receiver": True})
    station = Station(root, {}, FixedClock(1e6))
    assert "takes what agents export at http://127.0.0.1:" in station.run()
    env = telemetry_env(root, entry, "run-7", "assigned, now", "sh-1")
    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"].startswith("http://127.0.0.1:")
    assert env["OTEL_EXPORTER_OTLP_HEADERS"].startswith("x-gastown-key=")
    assert env["CLAUDE_CODE_ENABLE_TELEMETRY"] == "1"
    assert "OTEL_LOG_USER_PROMPTS" not in env
    whose = dict(pair.split("=") for pair in env["OTEL_RESOURCE_ATTRIBUTES"].split(","))
    assert (whose["gt.actor"], whose["gt.rig"], whose["gt.agent"]) == ("shop/polecats/opal", "shop", "opal")
    assert (whose["gt.run_id"], whose["gt.issue"], whose["gt.topic"]) == ("run-7", "sh-1", "assigned%2C%20now")
    write_json_settings(tmp_path, {"receiver": False})
    station.run()
    assert telemetry_env(root, entry, "run-7", "", "") == {}
