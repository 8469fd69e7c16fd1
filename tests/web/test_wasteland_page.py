"""The page of the wasteland: the wanted board with its filters, what waits for judgement, and reputations."""

from __future__ import annotations

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.wasteland.contact import note_contact
from gastown_core.wasteland.membership import read_membership
from tests.support.board import HOSTILE, item, keep_board
from tests.support.browser import Browser
from tests.support.rigged import Rigged

pytestmark = pytest.mark.timeout(600)


def test_the_board_is_shown_with_filters_and_foreign_text_is_only_text(browser: Browser, rigged: Rigged) -> None:
    browser.shows("has joined no commons", "/wasteland")
    keep_board(rigged.root)
    # three panels, each read from disk by itself
    for words in ("Mend the roof", "A bucket", "5.0 newcomer"):
        browser.shows(words, "/wasteland")
    shown = browser.text("/wasteland")
    assert "A ladder</p>" not in shown.split('id="handedin"')[0]
    assert "<b>bold" not in shown and "\x1b" not in shown and "\u202e" not in shown and "&lt;b&gt;bold" in shown
    assert (
        "/act/wanted.accept?target=w-003" in shown and "A bucket" in shown and "/act/wanted.done?target=w-004" in shown
    )
    assert "/act/wanted.claim?target=w-001" in shown and "/act/wanted.claim?target=w-004" not in shown
    assert "/act/wanted.stamp?target=fern" in shown and "/act/wasteland.sync" in shown
    assert "5.0 newcomer" in shown and "4.0 newcomer" in shown
    member = read_membership(rigged.root)
    assert member is not None
    note_contact(member, SYSTEM_CLOCK.now() - 7300)
    note_contact(member, SYSTEM_CLOCK.now() - 3700, f"no route {HOSTILE}")
    browser.shows("unreachable for 1h: no route", "/wasteland")
    told = browser.text("/wasteland")
    assert "as of 2h ago" in told and "\x1b" not in told and "<b>bold" not in told
    browser.shows("A ladder", "/wasteland?status=in_review")
    browser.shows("Mend the roof", "/wasteland?status=all&project=roof")
    filtered = browser.text("/wasteland?status=all&project=roof").split('id="handedin"')[0]
    assert "A ladder" in filtered and "yard" in filtered and "w-002" not in filtered
    assert browser.client.get("/wasteland?status=none").status_code == 404
    browser.shows("w-002", "/wasteland?priority=2&type=bug")
    one = browser.text("/wasteland?priority=2&type=bug").split('id="handedin"')[0]
    assert "Mend the roof" not in one and "status=claimed&amp;type=bug&amp;priority=2" in one
    assert "w-002" not in browser.text("/wasteland?type=a%2Fb").split('id="handedin"')[0]
    keep_board(rigged.root, wanted=[item(9, "Something new")])
    browser.shows("Something new", "/wasteland")


def test_what_waits_for_judgement_is_in_the_inbox_of_the_home_page_and_is_judged_there(
    browser: Browser, rigged: Rigged
) -> None:
    keep_board(rigged.root)
    browser.shows("fern handed in A ladder")
    assert "/act/wanted.accept?target=w-003" in browser.text() and "gt wl show w-003" in browser.text()
    asked = browser.text("/act/wanted.accept?target=w-003")
    assert "quality" in asked and " required" not in asked.split("<form")[-1]
    assert "only an open item" not in browser.text("/act/wanted.claim?target=w-001")
    # the clone of this board is none: the command's own words come back, and nothing is told as done
    answer = browser.post("/act/wanted.reject", target="w-003")
    assert "failed" in answer and "not allowed" not in answer


def test_scripts_read_the_commons(browser: Browser, rigged: Rigged) -> None:
    assert browser.client.get("/api/v1/wasteland").status_code == 404
    keep_board(rigged.root)
    found = browser.client.get("/api/v1/wasteland").json()
    assert [one["id"] for one in found["items"]] == ["w-001", "w-002"] and found["total"] == 2
    assert [one["id"] for one in found["mine"]] == ["w-004"] and found["to_judge"][0]["item"]["id"] == "w-003"
    one = browser.client.get("/api/v1/wasteland", params={"id": "w-003"}).json()["items"]
    assert [item["status"] for item in one] == ["in_review"]
    assert browser.client.get("/api/v1/wasteland?priority=9").status_code == 404
    assert len(browser.client.get("/api/v1/wasteland?status=all&limit=1").json()["items"]) == 1
    towns = browser.client.get("/api/v1/reputation").json()["towns"]
    assert towns[0]["handle"] == "fern" and len(towns[0]["history"]) == 2
