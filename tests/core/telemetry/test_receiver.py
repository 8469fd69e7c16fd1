"""The receiver over real HTTP: what programs tell is kept once, and whatever is junk, large or of others is refused."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from gastown_core.clock import FixedClock
from gastown_core.events.log import log_path
from gastown_core.files.spool import open_spool, spool_path
from gastown_core.runtimes.exported import FILE, Exported, exported_folder, read_exported, write_exported
from gastown_core.telemetry.agent_env import KEY_HEADER
from gastown_core.telemetry.receiver import MOST_BODY, Receiver, note_path
from gastown_core.usage.cost_facts import settle
from gastown_core.usage.sums import sums
from gastown_core.usage.usage_ledger import UsageLedger

NOW = 1_795_790_000.0


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    one = Receiver(str(tmp_path), FixedClock(NOW))
    yield one
    one.close()


def request(*records: dict[str, object], **origin: str) -> ExportLogsServiceRequest:
    """A request as Claude Code sends it, with these records."""
    message = ExportLogsServiceRequest()
    logs = message.resource_logs.add()
    for name, value in {"gt.actor": "shop/polecats/opal", "service.name": "claude-code", **origin}.items():
        logs.resource.attributes.add(key=name).value.string_value = value
    scope = logs.scope_logs.add()
    for told in records:
        record = scope.log_records.add(time_unix_nano=int(NOW * 1e9))
        record.body.string_value = f"claude_code.{told['event.name']}"
        for name, value in told.items():
            field = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
            setattr(record.attributes.add(key=name).value, field, value)
    return message


def spent(number: int = 1, **more: object) -> dict[str, object]:
    return {
        "event.name": "api_request", "event.sequence": number, "session.id": "s-1", "model": "claude-x",
        "input_tokens": 100, "output_tokens": 10, "cache_read_tokens": 5, "cache_creation_tokens": 7, "cost_usd": 0.5,
        "prompt": "secret words", **more,
    }  # fmt: skip


def decided(decision: str) -> dict[str, object]:
    return {
        "event.name": "tool_decision", "session.id": "s-1", "tool_name": "Bash", "decision": decision,
        "source": "user_reject", "tool_parameters": "secret words",
    }  # fmt: skip


def post(receiver: Receiver, body: bytes, path: str = "/v1/logs", **headers: str) -> int:
    kept = {"Content-Type": "application/x-protobuf", KEY_HEADER: receiver.key}
    kept |= {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(receiver.url + path, body, kept, method="POST")
    try:
        with urllib.request.urlopen(asked, timeout=120) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def used(root: Path) -> dict[str, tuple[int, float | None]]:
    with UsageLedger(str(root)) as ledger:
        settle(ledger, NOW + 10_000)
        return {name: (one.tokens, one.cost) for name, one in sums(ledger, "agent", {}).items()}


def test_a_request_becomes_a_cost_fact_of_its_agent_once(tmp_path: Path, receiver: Receiver) -> None:
    body = request(spent()).SerializeToString()
    assert [post(receiver, body), post(receiver, body)] == [200, 200]
    assert used(tmp_path) == {"shop/polecats/opal": (122, 0.5)}
    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_json_and_packed_bodies_are_taken(tmp_path: Path, receiver: Receiver) -> None:
    from google.protobuf.json_format import MessageToJson

    told = MessageToJson(request(spent(1))).encode()
    assert post(receiver, told, Content_Type="application/json") == 200
    packed = gzip.compress(request(spent(2)).SerializeToString())
    assert post(receiver, packed, Content_Encoding="gzip") == 200
    assert used(tmp_path) == {"shop/polecats/opal": (244, 1.0)}


def test_decisions_are_told_and_refusals_are_events(tmp_path: Path, receiver: Receiver) -> None:
    open_spool(str(tmp_path))
    assert post(receiver, request(decided("accept"), decided("reject")).SerializeToString()) == 200
    lines = [json.loads(line) for line in Path(spool_path(str(tmp_path))).read_text().splitlines()]
    assert [(line["actor"], line["payload"]["decision"]) for line in lines] == [
        ("shop/polecats/opal", "accept"),
        ("shop/polecats/opal", "reject"),
    ]
    (event,) = map(json.loads, Path(log_path(str(tmp_path))).read_text().splitlines())
    assert (event["type"], event["payload"]["tool"], event["visibility"]) == ("tool_refused", "Bash", "audit")


WRONG: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"input_tokens": -5}, {}),
    ({"input_tokens": 10**15}, {}),
    ({"input_tokens": "many"}, {}),
    ({"input_tokens": 1.5}, {}),
    ({"cost_usd": float("nan")}, {}),
    ({"cost_usd": -1.0}, {}),
    ({"model": ""}, {}),
    ({"session.id": "x" * 1000}, {}),
    ({}, {"gt.actor": ""}),
    ({}, {"gt.actor": "somebody"}),
    ({}, {"gt.actor": "x/" * 500}),
    ({"event.name": "user_prompt"}, {}),
]


@pytest.mark.parametrize(("more", "origin"), WRONG, ids=lambda one: str(one)[:40])
def test_records_that_cannot_be_are_left_out_and_the_others_kept(
    tmp_path: Path, receiver: Receiver, more: dict[str, object], origin: dict[str, str]
) -> None:
    message = request(spent(1, **more), **origin)
    message.MergeFrom(request(spent(2)))
    assert post(receiver, message.SerializeToString()) == 200
    assert used(tmp_path) == {"shop/polecats/opal": (122, 0.5)}


def test_figures_that_are_told_as_text_count(tmp_path: Path, receiver: Receiver) -> None:
    told = spent(1, input_tokens="100", cost_usd="0.5")
    assert post(receiver, request(told).SerializeToString()) == 200
    assert used(tmp_path) == {"shop/polecats/opal": (122, 0.5)}


REFUSED: list[tuple[int, str, bytes, dict[str, str]]] = [
    (401, "/v1/logs", b"", {KEY_HEADER.replace("-", "_"): "wrong"}),
    (401, "/v1/logs", b"", {KEY_HEADER.replace("-", "_"): "é"}),
    (403, "/v1/logs", b"", {"Host": "evil.example:80"}),
    (404, "/v1/other", b"", {}),
    (404, "/../v1/logs", b"", {}),
    (415, "/v1/logs", b"", {"Content_Type": "text/plain"}),
    (415, "/v1/logs", b"", {"Content_Encoding": "br"}),
    (413, "/v1/logs", b"x" * (MOST_BODY + 1), {}),
    (413, "/v1/logs", gzip.compress(b"\0" * (17 << 20)), {"Content_Encoding": "gzip"}),
    (400, "/v1/logs", b"\xff\xfe junk", {}),
    (400, "/v1/logs", b"not packed", {"Content_Encoding": "gzip"}),
    (400, "/v1/logs", gzip.compress(b"x" * 100)[:-8], {"Content_Encoding": "gzip"}),
    (400, "/v1/logs", b"{", {"Content_Type": "application/json"}),
    (400, "/v1/logs", b'{"resourceLogs": 7}', {"Content_Type": "application/json"}),
    (400, "/v1/logs", b'{"resourceLogs":' + b"[" * 5000, {"Content_Type": "application/json"}),
]


@pytest.mark.parametrize(
    ("status", "path", "body", "headers"), REFUSED, ids=[f"{r[0]}-{n}" for n, r in enumerate(REFUSED)]
)
def test_what_is_refused(receiver: Receiver, status: int, path: str, body: bytes, headers: dict[str, str]) -> None:
    try:
        assert post(receiver, body, path, **headers) == status
    except urllib.error.URLError as error:
        # a body that nobody reads: the connection may end before the answer is seen
        assert status == 413, error
    assert post(receiver, request(spent()).SerializeToString()) == 200


def test_metrics_and_traces_are_taken_and_not_counted(tmp_path: Path, receiver: Receiver) -> None:
    assert [post(receiver, b"anything", path) for path in ("/v1/metrics", "/v1/traces")] == [200, 200]
    assert used(tmp_path) == {}


def test_it_listens_on_this_machine_alone(receiver: Receiver) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for host in others:
        with pytest.raises(OSError), socket.create_connection((host, receiver.port), timeout=5):
            pass
    assert receiver._server.server_address[0] == "127.0.0.1"


def test_a_program_that_goes_away_in_the_middle_leaves_it_listening(receiver: Receiver) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as half:
        head = f"POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1:{receiver.port}\r\n{KEY_HEADER}: {receiver.key}\r\n"
        half.sendall(f"{head}Content-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\nhalf".encode())
    assert post(receiver, request(spent()).SerializeToString()) == 200


@pytest.mark.timeout(300)
def test_many_at_once_are_each_counted_once(tmp_path: Path, receiver: Receiver) -> None:
    body = [request(spent(number)).SerializeToString() for number in range(8)]
    threads = [threading.Thread(target=post, args=(receiver, one)) for one in body for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # one that was turned away for the crowd is sent again, as programs do
    assert {post(receiver, one) for one in body} == {200}
    assert used(tmp_path) == {"shop/polecats/opal": (8 * 122, 4.0)}


def test_a_restarted_receiver_keeps_port_and_key(tmp_path: Path) -> None:
    first = Receiver(str(tmp_path), FixedClock(NOW))
    first.close()
    second = Receiver(str(tmp_path), FixedClock(NOW))
    try:
        assert (second.port, second.key) == (first.port, first.key)
        assert Path(note_path(str(tmp_path))).stat().st_mode & 0o777 == 0o600
    finally:
        second.close()


def test_a_remembered_port_that_is_taken_is_replaced_and_a_fixed_one_is_not(tmp_path: Path) -> None:
    first = Receiver(str(tmp_path), FixedClock(NOW))
    try:
        second = Receiver(str(tmp_path), FixedClock(NOW))
        assert second.port != first.port
        second.close()
        with pytest.raises(OSError):
            Receiver(str(tmp_path), FixedClock(NOW), first.port)
    finally:
        first.close()


OPAL = "shop/polecats/opal"


def refused(**more: object) -> dict[str, object]:
    return {"event.name": "api_error", "session.id": "s-1", "error": "Overloaded\n\x1b[2J", "status_code": 529, "attempt": 3, **more}  # fmt: skip


def test_the_newest_of_each_kind_is_kept_as_evidence(tmp_path: Path, receiver: Receiver) -> None:
    for record in (spent(), refused(), decided("reject"), refused(error=""), refused(error=7)):
        assert post(receiver, request(record).SerializeToString()) == 200
    one = read_exported(str(tmp_path))[OPAL]
    assert (one.model, one.tool, one.decision) == ("claude-x", "Bash", "reject")
    assert one.error.startswith("529: Overloaded ") and one.error.endswith("(try 3)") and "\n" not in one.error
    assert receiver.junk == 2
    path = Path(exported_folder(str(tmp_path)), FILE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"secret" not in path.read_bytes()


def test_evidence_outlives_the_receiver_and_never_goes_back_or_ahead(tmp_path: Path, receiver: Receiver) -> None:
    ahead = request(spent(1))
    ahead.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = int((NOW + 5000) * 1e9)
    assert post(receiver, ahead.SerializeToString()) == 200
    old = request(spent(2, model="claude-old"))
    old.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = int((NOW - 5000) * 1e9)
    assert post(receiver, old.SerializeToString()) == 200
    second = Receiver(str(tmp_path), FixedClock(NOW + 10))
    try:
        assert post(second, request(decided("accept"), **{"gt.actor": "mayor"}).SerializeToString()) == 200
    finally:
        second.close()
    known = read_exported(str(tmp_path))
    assert (known[OPAL].request_at, known[OPAL].model) == (NOW, "claude-x")
    assert known["mayor"].tool == "Bash"


def test_evidence_that_cannot_be_kept_is_asked_for_again_and_nothing_doubles(
    tmp_path: Path, receiver: Receiver
) -> None:
    open_spool(str(tmp_path))
    Path(exported_folder(str(tmp_path)), FILE).mkdir(parents=True)
    body = request(decided("accept")).SerializeToString()
    assert [post(receiver, body), post(receiver, body)] == [503, 503]
    Path(exported_folder(str(tmp_path)), FILE).rmdir()
    assert post(receiver, body) == 200
    assert len(Path(spool_path(str(tmp_path))).read_text().splitlines()) == 1


@pytest.mark.parametrize("row", [7, [], {"request_at": "x"}, {"error": 5}, {"request_at": 1e12}, {"tool_at": True}])
def test_junk_rows_of_the_file_hide_no_others(tmp_path: Path, row: object) -> None:
    write_exported(str(tmp_path), {OPAL: Exported(request_at=NOW)}, NOW)
    path = Path(exported_folder(str(tmp_path)), FILE)
    told = json.loads(path.read_text())
    told["agents"]["mayor"] = row
    path.write_text(json.dumps(told))
    assert read_exported(str(tmp_path)) == {OPAL: Exported(request_at=NOW)}


def test_agents_that_were_silent_for_a_day_are_forgotten(tmp_path: Path) -> None:
    known = {f"shop/polecats/p{number}": Exported(request_at=NOW - number * 100) for number in range(1500)}
    kept = write_exported(str(tmp_path), known, NOW)
    assert read_exported(str(tmp_path)) == kept
    assert len(kept) == 864
