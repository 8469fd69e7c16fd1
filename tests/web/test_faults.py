"""What the dashboard does when something is odd: clients that wait, an output that is full, moments beyond the calendar."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import fastjsonschema
import pytest

from gastown_core.clock import format_seconds
from gastown_core.model.agent import Health
from gastown_web.api import ENDPOINTS, openapi
from gastown_web.desk import Desk
from tests.support.browser import Browser
from tests.support.cli import bd, gt
from tests.support.dashboard import Served
from tests.support.patience import until
from tests.support.rigged import Rigged

pytestmark = pytest.mark.timeout(600)

FULL = "/dev/full"
MANY = 300
"""More than the server lets in at once."""
OF_A_COMMONS = ("wasteland", "reputation")


def test_every_answer_of_the_api_is_as_its_document_says(browser: Browser, rigged: Rigged) -> None:
    bead = rigged.file("Mend the roof").id
    gt("mail", "send", "overseer", "-s", "hello", "-m", "a\x1b[2Jb", cwd=browser.root)
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=browser.root)
    until(lambda: browser.client.get("/api/v1/inbox").json()["items"], "the inbox has a row", 60)
    browser.post("/inbox/undo")
    told = browser.client.get("/api/v1/openapi.json").json()
    assert told == openapi()
    assert set(told["paths"]) == {f"/api/v1/{one.path}" for one in ENDPOINTS}
    letter = browser.client.get("/api/v1/mail").json()["messages"][0]
    assert letter["subject"] == "hello" and letter["read"] is False
    words = {"bead": f"?id={bead}", "thread": f"?id={letter['id']}"}
    for path, item in told["paths"].items():
        required = [one["name"] for one in item["get"]["parameters"] if one["required"]]
        if required:
            assert browser.client.get(path).status_code == 404
            path += words[path.rpartition("/")[2]]
        schema = item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        answer = browser.client.get(path)
        if path.rpartition("/")[2] in OF_A_COMMONS:
            # this town has joined none; their answers are checked in test_wasteland_page.py
            assert answer.status_code == 404 and "gt wl join" in answer.json()["hint"], path
            continue
        assert answer.status_code == 200, path
        fastjsonschema.compile(schema)(answer.json())
        assert browser.client.post(path, headers={"origin": "http://127.0.0.1:8080"}).status_code == 405
    assert browser.client.get("/api/v1/none").status_code == 404
    assert browser.client.get("/api/v1/_json").status_code == 404


def test_the_api_reads_beads_as_they_are_asked_for(browser: Browser, rigged: Rigged) -> None:
    first, second = rigged.file("Mend the roof").id, rigged.file("Paint the door").id
    bd("update", second, "--status", "in_progress", "--assignee", "shop/crew/ana", cwd=rigged.root)

    def beads(**words: str) -> list[str]:
        return [one["id"] for one in browser.client.get("/api/v1/beads", params=words).json()["beads"]]

    assert {first, second} <= set(beads()) and second not in beads(rig="town")
    assert beads(text="roof") == [first] and beads(status="in_progress") == [second]
    assert beads(assignee="shop/crew/ana", limit="0") == [second] and len(beads(limit="1")) == 1
    bd("close", first, cwd=rigged.root)
    assert first not in beads() and first in beads(status="all") and beads(status="closed", type="task") == [first]
    one = browser.client.get("/api/v1/bead", params={"id": second}).json()
    assert one["title"] == "Paint the door" and one["rig"] == "shop" and one["depends_on"] == []
    for path in ("beads?rig=nowhere", "bead?id=sh-none", "bead?id=../../etc/passwd", "thread?id=%00", "costs?by=x"):
        answer = browser.client.get(f"/api/v1/{path}")
        assert answer.status_code == 404 and answer.json()["error"], path
    os.rename(f"{rigged.root}/.beads", f"{rigged.root}/.beads.away")
    try:
        answer = browser.client.get("/api/v1/mail")
        assert answer.status_code == 503 and "ledger" in answer.json()["error"]
    finally:
        os.rename(f"{rigged.root}/.beads.away", f"{rigged.root}/.beads")


@pytest.mark.parametrize("at", [1e18, -1e18, float("inf"), float("-inf"), float("nan")])
def test_a_moment_beyond_the_calendar_is_no_error(browser: Browser, monkeypatch: pytest.MonkeyPatch, at: float) -> None:
    desk = browser.dashboard.desk
    whole = desk.town
    agent = whole.agents[0]
    odd = agent._replace(health=agent.health._replace(state=Health.IDLE, since=at))
    planted = whole._replace(agents=(odd, *whole.agents[1:]), taken_at=at)
    monkeypatch.setattr(Desk, "town", property(lambda _: planted))
    desk.stir()
    for name in ("agents", "status"):
        assert browser.client.get(f"/api/v1/{name}").status_code == 200
    assert format_seconds(at) in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1-01-01T00:00:00Z")


@pytest.mark.skipif(not os.path.exists(FULL), reason="there is no full device here")
def test_a_dashboard_whose_link_nobody_gets_ends(rigged: Rigged) -> None:
    code = "import sys; sys.argv[0] = 'gt'; from gastown_cli.main import gt as main; main()"
    with open(FULL, "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, "dashboard", "--port", "0"],
            cwd=rigged.root,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=240,
        )
    assert done.returncode == 1
    assert "nobody gets the link" in done.stderr


def test_connections_without_a_request_keep_nobody_out_and_are_ended(rigged: Rigged) -> None:
    served = Served(rigged.root)
    idle = []
    try:
        for _ in range(MANY):
            one = socket.create_connection(("127.0.0.1", served.port))
            one.settimeout(240)
            one.sendall(b"GET / HTTP/1.1\r\nHost: ")
            idle.append(one)
        asked = http.client.HTTPConnection("127.0.0.1", served.port, timeout=240)
        asked.request("GET", "/static/page.js")
        assert asked.getresponse().status == 200
        # the newest wait until their time is over; one that was not ended would time out here
        for one in (idle[0], idle[-1]):
            with suppress(ConnectionResetError):
                assert one.recv(1) == b""
    finally:
        for one in idle:
            one.close()
        assert served.end() == 0


def test_a_stream_that_comes_back_gets_only_what_it_missed(rigged: Rigged) -> None:
    served = Served(rigged.root)
    try:
        first = Stream(served, "panels=inbox,queue,agents&after=")
        edition, data = first.news()
        assert 'id="inbox"' in data
        assert 'id="queue"' in data
        first.close()
        gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=rigged.root)
        again = Stream(served, "panels=inbox,queue,agents&after=", edition)
        seen = ""
        while "nearly full" not in seen:
            seen += again.news()[1]
        assert 'id="queue"' not in seen
        again.close()
    finally:
        assert served.end() == 0


class Stream:
    """A page's stream of panels, over a connection of its own."""

    def __init__(self, served: Served, query: str, last: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=240)
        token = served.link.partition("token=")[2]
        headers = {"Authorization": f"Bearer {token}", **({"Last-Event-ID": last} if last else {})}
        self._connection.request("GET", f"/live?{query}", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200

    def news(self) -> tuple[str, str]:
        """Return the id and the data of the next event."""
        name, data = "", []
        while True:
            line = self._answer.readline().decode().rstrip("\n")
            if line.startswith("id: "):
                name = line[4:]
            elif line.startswith("data: "):
                data.append(line[6:])
            elif not line and data:
                return name, "\n".join(data)

    def close(self) -> None:
        self._connection.close()
