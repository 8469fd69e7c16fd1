"""The dashboard's pages: what they show, what they say when something cannot be read, and what their forms do."""

from __future__ import annotations

import asyncio
import errno
import html
import os
import re
import threading

import pytest

from gastown_core.model.convoy import ConvoyView
from gastown_core.model.order import Order
from gastown_core.model.source_status import SourceStatus
from gastown_core.orders.registry import ORDERS
from gastown_web import panels
from gastown_web.desk import Desk, whole_number
from gastown_web.panels import PAGES, PANELS
from gastown_web.readers import READERS
from gastown_web.reads import KINDS
from tests.support.browser import HERE, Browser
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.rigged import Rigged

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_each_page_stands_without_javascript(browser: Browser, page: panels.Page) -> None:
    shown = browser.text(page.path)
    assert "cannot be drawn" not in shown
    assert page.title in shown
    assert not re.search(r"<script(?! src=\"/static/)|style=|onclick|href=\"(https?:)?//", shown)
    for name in page.all_panels:
        assert f'id="{name}"' in shown


def test_panels_and_templates_belong_together() -> None:
    files = {name[:-5] for name in os.listdir(os.path.join(panels.HERE, "templates", "panels"))}
    assert files == {*PANELS, "fault"}
    assert {name.partition(":")[0] for page in PAGES for name in page.all_panels} <= PANELS.keys()
    assert READERS.keys() == KINDS
    assert KINDS <= PANELS.keys()
    assert len({page.key for page in PAGES}) == len(PAGES)
    assert all(page.group for page in PAGES)


def test_what_is_escalated_waits_on_home_and_is_taken_on_there(browser: Browser) -> None:
    browser.shows("Nobody needs you.")
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=browser.root)
    browser.shows("The disk is nearly full")
    found = re.search(r'href="(/act/escalation.ack\?target=[^"]+)"', browser.text())
    assert found is not None
    asked = browser.text(found[1])
    target = re.search(r'name="target" value="([^"]+)"', asked)
    assert target is not None
    done = browser.post("/act/escalation.ack", target=target[1])
    assert "done" in done
    assert target[1] in done


def test_rows_are_snoozed_and_taken_back(browser: Browser) -> None:
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=browser.root)
    browser.shows("The disk is nearly full")
    key = re.search(r'id="row-([^"]+)"', browser.text())
    assert key is not None
    browser.post("/inbox/snooze", key=key[1], **{"for": "30m"})
    browser.shows("1 snoozed or done")
    assert key[0] not in browser.text()
    browser.post("/inbox/undo")
    browser.shows(key[0])
    assert (
        "not there"
        in browser.client.post(
            "/inbox/done",
            data={"key": "no-such", "csrf": browser.dashboard.guard.csrf},
            headers={"origin": HERE, "hx-request": "true"},
        ).text
    )


def test_a_refusal_is_told_to_a_page_without_javascript_too(browser: Browser) -> None:
    refused = browser.post("/inbox/snooze", key="no-such", **{"for": "30m"})
    assert "that row is not there any more" in refused
    assert "<html" in refused
    assert "there is nothing to undo" in browser.post("/inbox/undo")


def test_a_row_comes_back_when_its_snooze_ends_though_nothing_else_happens(browser: Browser) -> None:
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=browser.root)
    browser.shows("The disk is nearly full")
    key = re.search(r'id="row-([^"]+)"', browser.text())
    assert key is not None
    browser.post("/inbox/snooze", key=key[1], **{"for": "2s"})
    browser.shows("1 snoozed or done")
    browser.shows(key[0])


def test_an_order_says_what_it_needs_and_why_it_is_refused(browser: Browser) -> None:
    assert "no running session" in browser.text("/act/agent.nudge?target=mayor") or "Not possible now" in browser.text(
        "/act/agent.nudge?target=mayor"
    )
    refused = browser.post("/act/agent.nudge", target="mayor", text="hello")
    assert "refused" in refused
    assert "refused" in browser.post("/act/agent.nudge", target="nobody", text="hello")
    assert browser.client.get("/act/no.such").status_code == 404
    assert browser.client.get("/act/agent.attach?target=mayor").status_code == 404
    browser.post("/act/scheduler.pause", target="")
    assert '"paused": true' in gt("scheduler", "status", "--json", cwd=browser.root).out


@pytest.mark.parametrize("order", [kind.id for kind in ORDERS if kind.id != "agent.attach"])
def test_each_order_has_a_page(browser: Browser, order: str) -> None:
    kind = panels.BY_ID[order]
    shown = browser.text(f"/act/{order}?target=mayor")
    assert kind.help.lower() in html.unescape(shown).lower()


HOSTILE = '<script>alert(1)</script> "><img src=x onerror=y> {{ 7*7 }} \x1b[31m‮\u2028&amp;'


def test_text_of_strangers_is_text(browser: Browser, rigged: Rigged) -> None:
    rigged.file(HOSTILE)
    gt("escalate", "-s", "HIGH", HOSTILE, cwd=browser.root)
    browser.shows("alert(1)")
    for page in PAGES:
        shown = browser.text(page.path)
        assert "<script>alert" not in shown
        assert "<img" not in shown
        assert "\x1b" not in shown
        assert "‮" not in shown


def test_a_source_that_fails_is_said_on_every_page(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = browser.dashboard.desk
    whole = desk.live.snapshot
    assert whole.sources
    for source in whole.sources:
        broken = tuple(
            SourceStatus(one.name, one.good_at, "no such file") if one is source else one for one in whole.sources
        )
        planted = whole._replace(sources=broken)
        monkeypatch.setattr(Desk, "town", property(lambda _, planted=planted: planted))
        desk.stir()
        for page in PAGES:
            shown = browser.text(page.path)
            assert "1 source cannot be read" in shown, (source.name, page.title)
            assert "nobody needs you" not in shown.lower().replace(f"but {source.name} cannot", "")
        assert f"{source.name} cannot be read" in browser.text("/")
        assert "no such file" in browser.text("/health")


def test_a_panel_that_fails_leaves_the_others(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PANELS, "convoys", lambda desk, about: 1 / 0)
    browser.dashboard.desk.stir()
    shown = browser.text("/")
    assert "This panel cannot be drawn: ZeroDivisionError" in shown
    assert 'id="agents-title"' in shown


def test_the_api_says_what_the_pages_show(browser: Browser, rigged: Rigged) -> None:
    bead = rigged.file("Mend the roof")
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=browser.root)
    until(lambda: browser.client.get("/api/v1/inbox").json()["items"], "the inbox has a row", 30)
    (item,) = browser.client.get("/api/v1/inbox").json()["items"]
    assert item["kind"] == "escalation"
    assert browser.client.get("/api/v1/status").json()["name"]
    assert any(agent["name"] == "mayor" for agent in browser.client.get("/api/v1/agents").json()["agents"])
    until(lambda: bead.id in browser.client.get(f"/api/v1/events?bead={bead.id}").text, "its event", 30)
    assert len(browser.client.get("/api/v1/events?limit=1").json()["events"]) == 1
    assert browser.client.get("/api/v1/events?limit=junk&type=no-such").json()["events"] == []


@pytest.mark.parametrize(
    "number",
    ["²", "٣", "9" * 5000, "-1", "1e3", ""],
    ids=["superscript", "arabic", "huge", "negative", "exponent", "empty"],
)
def test_a_number_that_is_none_is_not_an_error(browser: Browser, number: str) -> None:
    assert browser.client.get("/api/v1/events", params={"limit": number}).json()["events"] is not None
    assert whole_number(number, 7) in (7, 10**9)


def test_a_screen_keeps_its_lines(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["one", "  two <b>", "\x1b[31mthree"]

    async def screen(key: str) -> list[str]:
        return lines

    monkeypatch.setattr(browser.dashboard, "_pane_of", screen)
    assert "one\n  two &lt;b&gt;\n" in browser.text("/pane/mayor")
    assert "\x1b" not in browser.text("/pane/mayor")
    assert "one\n  two &lt;b&gt;\n" in browser.text("/agent/mayor")


def test_an_agent_and_a_convoy_have_pages_and_what_is_gone_says_so(browser: Browser, rigged: Rigged) -> None:
    bead = rigged.file("Mend the roof")
    assert "shop/witness" in browser.text("/agent/shop/witness")
    assert "(no running session)" in browser.text("/pane/mayor")
    assert browser.client.get("/agent/nobody").status_code == 404
    made = gt("convoy", "create", "Roofs", bead.id, "--json", cwd=browser.root).json
    until(lambda: made["id"] in browser.text("/convoys"), "the convoy is shown", 30)
    assert "Mend the roof" in browser.text(f"/convoy/{made['id']}")
    assert browser.client.get("/convoy/hq-cv-none").status_code == 404


def test_only_panels_that_changed_are_sent_and_a_break_misses_nothing(browser: Browser) -> None:
    desk, draw = browser.dashboard.desk, browser.dashboard.painter.panel
    before = {name: desk.panel(name, draw).revision for name in ("inbox", "queue")}
    revision = desk.revision
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=browser.root)
    until(lambda: "nearly full" in desk.panel("inbox", draw).html, "the row", 30)
    assert desk.panel("inbox", draw).revision > revision >= before["inbox"]
    assert desk.panel("queue", draw).revision == before["queue"]


def test_what_a_page_remembers_of_an_earlier_server_is_worth_nothing(browser: Browser) -> None:
    desk = browser.dashboard.desk
    found = re.search(r'data-edition="([^"]+)"', browser.text())
    assert found is not None
    assert desk.revision_of(found[1]) == desk.revision
    assert desk.revision_of(f"0{desk.era[:-1]}-1") == 0
    assert desk.revision_of("1") == 0
    assert desk.revision_of(f"{desk.era}-²") == 0


def test_acts_that_wait_hold_up_nothing_else(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def waits(*_: object, **__: object) -> bool:
        return gate.wait(60)

    monkeypatch.setattr("gastown_web.acts.perform", waits)

    async def look_meanwhile() -> str:
        acts = browser.dashboard.acts
        waiting = [asyncio.create_task(acts.perform(Order("scheduler.pause", ""), "dashboard")) for _ in range(40)]
        try:
            await asyncio.sleep(0)
            return await asyncio.wait_for(asyncio.to_thread(lambda: "read"), 15)
        finally:
            gate.set()
            await asyncio.gather(*waiting)

    assert browser.client.portal is not None
    assert browser.client.portal.call(look_meanwhile) == "read"


def test_ids_and_moments_that_no_address_and_no_calendar_can_hold_take_no_panel(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = browser.dashboard.desk
    whole = desk.town
    agent = whole.agents[0]
    odd = agent._replace(
        address=agent.address._replace(role="polecat", rig="shop", name='a\ud800"?#%<b>'),
        health=agent.health._replace(since=1e18),
    )
    convoy = ConvoyView('\ud800?#"/', "Roofs", "open", "", (), 0, 0, 0, 0.0, closed_at=float("inf"))
    planted = whole._replace(agents=(odd, *whole.agents[1:]), convoys=(convoy,))
    # the live model goes on meanwhile, so its own snapshot cannot be the planted one
    monkeypatch.setattr(Desk, "town", property(lambda _: planted))
    desk.stir()
    for page in PAGES:
        assert "cannot be drawn" not in browser.text(page.path)
    assert "%3F%23%25%3Cb%3E" in browser.text("/agents")
    assert "an impossible time" in browser.text("/agents")
    assert "%3F%23%22" in browser.text("/convoys")


def test_an_act_that_cannot_be_written_says_why(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(root: str) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gastown_web.acts.marks.undo", full)
    assert "No space left on device" in browser.post("/inbox/undo")


def test_a_town_that_is_gone_is_not_made_again(browser: Browser) -> None:
    gone = f"{browser.root}-gone"
    browser.dashboard.desk.root = gone
    assert "is not there" in browser.post("/inbox/undo")
    assert not os.path.exists(gone)
