"""Benchmarks of the dashboard: start, its home page, an event in a browser's page, fifty open tabs, memory."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.table import Row
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.events.log import append_event

GT = [os.path.join(os.path.dirname(sys.executable), "gt")]
TABS = 50
REST_S = 20.0
"""How long the open tabs are watched."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Server:
    """``gt dashboard`` as a process of its own; ``start_s`` is the time until its home page was there."""

    def __init__(self, root: str) -> None:
        began = time.monotonic()
        self.process = subprocess.Popen([*GT, "dashboard", "--port", "0"], cwd=root, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(
            r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", "".join(self.process.stdout.readline() for _ in "12")
        )
        assert found is not None
        self.link, self.port, self.token = found[0], int(found[1]), found[2]
        self.get("/")
        self.start_s = time.monotonic() - began

    def ask(self, path: str) -> http.client.HTTPResponse:
        """Return the answer to a request over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        return connection.getresponse()

    def get(self, path: str) -> float:
        """Ask for a page; return the seconds that it took."""
        began = time.monotonic()
        answer = self.ask(path)
        assert answer.status == 200, path
        answer.read()
        return time.monotonic() - began

    def cpu_s(self) -> float:
        """Return the processor time used so far."""
        with open(f"/proc/{self.process.pid}/stat") as handle:
            fields = handle.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Return the resident memory."""
        with open(f"/proc/{self.process.pid}/status") as handle:
            found = re.search(r"VmRSS:\s+(\d+)", handle.read())
        return int(found[1]) / 1024 if found is not None else 0.0

    def end(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def measure(root: str) -> Iterator[Row]:
    """All rows for one town."""
    starts = []
    for _ in range(5):
        server = Server(root)
        starts.append((server.start_s, server.cpu_s()))
        server.end()
    start, used = (statistics.median(each) for each in zip(*starts, strict=True))
    yield Row("dashboard start", f"{start * 1e3:.0f} ms, {used * 1e3:.0f} ms CPU", "≤ 600 ms")
    server = Server(root)
    try:
        yield from _home(root, server)
        if CHROMIUM is not None:
            yield _event(root, server)
        yield from _tabs(server)
    finally:
        server.end()


def _home(root: str, server: Server) -> Iterator[Row]:
    """The home page while nothing changes, and after a change: then every panel of it is drawn again."""
    server.get("/")
    still = [server.get("/") for _ in range(30)]
    changed = []
    for number in range(20):
        append_event(root, "session_start", "mayor", {"session": f"bench-{number}"})
        time.sleep(0.15)
        before = server.cpu_s()
        took = server.get("/")
        changed.append((took, server.cpu_s() - before))
    fresh = statistics.median(one for one, _ in changed)
    yield Row(
        "dashboard home", f"{statistics.median(still) * 1e3:.1f} ms; after a change {fresh * 1e3:.1f} ms", "≤ 50 ms"
    )


def _event(root: str, server: Server) -> Row:
    """From the append of an event to the page's DOM."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(server.link)
        page.wait_for_selector("#live .state.good")
        took = [_seen(root, page, number) for number in range(25)]
        browser.close()
    took.sort()
    return Row("event to DOM", f"p50 {took[12]:.0f} ms, p95 {took[23]:.0f} ms", "p50 ≤ 50 ms")


def _seen(root: str, page: Any, number: int) -> float:
    mark = f"bench-mark-{number}"
    page.evaluate(
        """(mark) => {
          window.seenAt = new Promise((done) => {
            const look = () => document.querySelector("#events").innerText.includes(mark) && done(Date.now());
            new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
          });
        }""",
        mark,
    )
    time.sleep(0.3)
    began = SYSTEM_CLOCK.now()
    append_event(root, "nudge", "mayor", {"target": "mayor", "reason": mark})
    return float(page.evaluate("window.seenAt")) - began * 1e3


def _tabs(server: Server) -> Iterator[Row]:
    """Fifty streams of home pages in a town where nothing happens."""
    streams = [server.ask("/live?panels=head,stats,inbox,agents,convoys,queue,events&after=") for _ in range(TABS)]
    time.sleep(3.0)
    before = server.cpu_s()
    time.sleep(REST_S)
    share = (server.cpu_s() - before) / REST_S
    yield Row(f"{TABS} open tabs, idle", f"{100 * share:.2f} % of a core", "≤ 2 %")
    yield Row("dashboard memory", f"{server.memory_mb():.0f} MB", "≤ 80 MB")
    for one in streams:
        one.close()
