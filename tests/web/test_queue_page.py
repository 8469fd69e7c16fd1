"""The queue's page on real git: a person approves just the commit that it shows, and takes that back."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.merge_request import with_facts
from gastown_core.model.refinery import BATCHES_FILE, BatchRecord, GateRun, Probe, RefineryState
from gastown_core.process_table import start_of
from gastown_core.refinery.freeze import freeze
from gastown_core.refinery.place import Refinery
from gastown_web.app import Dashboard
from gastown_web.guard import Guard
from tests.support.browser import HERE, Browser
from tests.support.queued import Queued
from tests.support.refineries import flying, write_state

pytestmark = pytest.mark.timeout(600)
Owner = tuple[Queued, Browser]


@pytest.fixture
def owner(queued: Queued) -> Iterator[Owner]:
    dashboard = Dashboard(queued.root, Guard("127.0.0.1", 8080))
    with TestClient(dashboard.app(), base_url=HERE) as client:
        client.get(f"/?token={dashboard.guard.token}")
        yield queued, Browser(queued.root, client, dashboard)


def form_of(page: str) -> dict[str, str]:
    """The fields of the page's form, as a browser would send them."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_a_commit_is_approved_and_withdrawn_by_the_buttons_of_the_queue(owner: Owner) -> None:
    town, browser = owner
    town.settings(needs_approval=True)
    made = town.hand_in({"a": "1\n"}, "Cut <b>the</b> rope")
    town.process()
    browser.shows("✋ to approve", "/queue")
    assert '<span class="count">0</span>' in browser.text("/queue")
    [path] = re.findall(r'href="(/act/mq.approve\?target=[^"]+)"', browser.text("/queue"))
    assert f"/act/mq.withdraw?target={made.id}" not in browser.text("/queue")
    asked = browser.text(path)
    assert made.commit_sha in asked and "Cut &lt;b&gt;the&lt;/b&gt; rope" in asked and "1 file changed" in asked
    form = form_of(asked)
    assert form.pop("csrf") and form["target"] == made.id
    refused = browser.client.post("/act/mq.approve", data={**form, "csrf": "no"}, headers={"origin": HERE})
    assert refused.status_code == 403 and not town.request(made.id).approved
    browser.post("/act/mq.approve", **form)
    assert town.request(made.id).approved == made.commit_sha
    browser.shows(f"/act/mq.withdraw?target={made.id}", "/queue")
    assert "✋ to approve" not in browser.text("/queue")
    browser.post("/act/mq.withdraw", **form_of(browser.text(f"/act/mq.withdraw?target={made.id}")))
    assert not town.request(made.id).approved
    browser.shows("✋ to approve", "/queue")
    assert town.process() == [] and not town.subjects()


def test_a_commit_that_was_replaced_while_the_page_stood_is_not_approved(owner: Owner) -> None:
    town, browser = owner
    town.settings(needs_approval=True)
    made = town.hand_in({"a": "1\n"})
    town.process()
    browser.shows("✋ to approve", "/queue")
    form = form_of(browser.text(f"/act/mq.approve?target={made.id}"))
    other = town.commit({"a": "2\n"}, "Something else")
    with town.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(made.id, {"metadata": with_facts(batch.need(made.id), commit_sha=other)})
    browser.shows(other[:12], f"/request/{made.id}")
    form.pop("csrf")
    assert form["commit"] == made.commit_sha and other[:8] in browser.post("/act/mq.approve", **form)
    assert not town.request(made.id).approved
    # nor without saying which
    assert "commit is missing" in browser.post("/act/mq.approve", target=made.id)
    assert not town.request(made.id).approved


def test_a_freeze_is_no_fault_and_a_batch_that_merged_nothing_says_what_it_came_to(owner: Owner) -> None:
    town, browser = owner
    town.gate()
    town.hand_in({"a": "1\n"})
    freeze(Refinery(town.root, "shop"), "release <b>", actor="overseer")
    town.process()
    browser.shows("‖ frozen by overseer until gt mq thaw: release &lt;b&gt;", "/queue")
    page = browser.text("/queue")
    assert "✗" not in page and "‖ held" in page
    record = BatchRecord("b-1", "main", pushed=("sh-a", "sh-b"), found="taken back", pair=("sh-b",), at=1.8e9)
    with open(os.path.join(town.rig, BATCHES_FILE), "a", encoding="utf-8") as handle:
        handle.write(json.dumps(record._asdict()) + "\n")
    browser.shows("push of 2 taken back: sh-b", "/queue")


def test_what_a_request_waits_for_stands_apart_from_its_worker(owner: Owner) -> None:
    town, browser = owner
    town.hand_in({"a": "1\n"}, "One")
    town.hand_in({"a": "2\n"}, "Two")
    town.process()
    assert town.subjects() == ["One"]
    browser.shows("waits for ", "/queue")
    assert '</span> <span class="dim">waits for ' in browser.text("/queue")


def test_the_probes_of_each_batch_stand_below_it_and_what_is_green_waits_to_land(owner: Owner) -> None:
    town, browser = owner
    state = flying(SYSTEM_CLOCK.now())
    tree = (Probe(1, ("gt-mr2",), "alone", gates=(GateRun("<b>slow</b>", "pass", 3.0),), result="pass"),)
    flights = tuple(
        one._replace(tree=tree, running=0, good=one.requests) if one.batch == "b-1020" else one for one in state.flights
    )
    write_state(town.rig, state._replace(flights=flights, pid=os.getpid(), pid_start=start_of(os.getpid())))
    browser.shows("waits to land", "/queue")
    page = browser.text("/queue")
    below = page.split("<b>b-1020</b>")[1].split("<b>b-1021</b>")[0]
    assert "waits to land" in below and "<b>alone</b>" in below and "&lt;b&gt;slow&lt;/b&gt; pass" in below
    first = page.split("<b>b-1019</b>")[1].split("<b>b-1020</b>")[0]
    assert "<b>stack</b>" in first and 'href="/gate/shop/1/e2e"' in first and "alone" not in first


def test_a_queue_that_waits_without_a_daemon_says_so(owner: Owner) -> None:
    town, browser = owner
    town.hand_in({"a": "1\n"})
    write_state(town.rig, RefineryState("shop"))
    browser.shows("no daemon has run in this town", "/queue")


def test_a_batch_at_work_beside_a_freeze_says_so(owner: Owner) -> None:
    town, browser = owner
    state = flying(SYSTEM_CLOCK.now())._replace(hold_kind="frozen", hold_reason="frozen by <b>ana</b>")
    write_state(town.rig, state._replace(pid=os.getpid(), pid_start=start_of(os.getpid())))
    browser.shows("‖ frozen by &lt;b&gt;ana&lt;/b&gt;", "/queue")
    assert "testing, frozen" in " ".join(browser.text("/queue").split())
