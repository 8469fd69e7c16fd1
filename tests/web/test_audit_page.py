"""The audit page: what was done from every face, also before this server began, and what its file cannot tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from gastown_core.model.order import Order
from gastown_core.orders.act_log import begin, command_log, path_of
from gastown_tui.core_calls import CoreCalls
from gastown_web.app import Dashboard
from gastown_web.guard import Guard
from tests.support.browser import HERE, Browser
from tests.support.rigged import Rigged

pytestmark = pytest.mark.timeout(600)


@contextmanager
def opened(root: str) -> Iterator[Browser]:
    dashboard = Dashboard(root, Guard("127.0.0.1", 8080))
    with TestClient(dashboard.app(), base_url=HERE) as client:
        client.get(f"/?token={dashboard.guard.token}")
        yield Browser(root, client, dashboard)


def test_acts_outlive_the_server_and_say_where_they_came_from(rigged: Rigged) -> None:
    with opened(rigged.root) as browser:
        browser.post("/act/scheduler.pause", target="")
        bearer = {"authorization": f"Bearer {browser.dashboard.guard.token}"}
        browser.client.post("/act/scheduler.resume", data={"target": ""}, headers=bearer)
    CoreCalls(rigged.root).perform(Order("agent.nudge", "mayor", {"text": "<b>\x1b[2Jhi"}), lambda _: None)
    begin(rigged.root, "dashboard", "gt down", 5.0)
    # as a new process knows nothing of what an earlier one did
    command_log.clear()
    with opened(rigged.root) as browser:
        browser.shows("gt scheduler pause", "/audit")
        rows = browser.text("/audit").split("<tr data-row>")[1:]
        assert ["<td>API</td>" in row for row in rows if "scheduler resume" in row] == [True]
        assert ["<td>dashboard</td>" in row for row in rows if "scheduler pause" in row] == [True]
        (nudge,) = [row for row in rows if "gt nudge" in row]
        assert "<td>console</td>" in nudge and "&lt;b&gt;" in nudge and "\x1b" not in nudge
        (unended,) = [row for row in rows if "gt down" in row]
        assert "its end is not known" in unended
        told = browser.client.get("/api/v1/audit").json()
        assert {one["face"] for one in told["done"]} == {"API", "dashboard", "console"}


def test_what_another_server_does_comes_by_itself_and_junk_is_told(rigged: Rigged) -> None:
    with opened(rigged.root) as one, opened(rigged.root) as other:
        one.shows("Nothing yet", "/audit")
        other.post("/act/scheduler.pause", target="")
        one.shows("gt scheduler pause", "/audit")
        with open(path_of(rigged.root), "ab") as handle:
            handle.write(b"\xff\n[1]\n")
        one.shows("2 lines of .runtime/acts.jsonl cannot be read", "/audit")
        os.rename(path_of(rigged.root), path_of(rigged.root) + ".away")
        os.mkdir(path_of(rigged.root))
        one.shows("cannot be read: cannot read", "/audit")
        assert "1 source cannot be read" in one.text("/")
