"""The page of the wasteland: the wanted board with its filters, what waits for judgement, and reputations."""

from __future__ import annotations

import pytest

from tests.support.board import item, keep_board
from tests.support.browser import Browser
from tests.support.rigged import Rigged

pytestmark = pytest.mark.timeout(300)


def test_the_board_is_shown_with_filters_and_foreign_text_is_only_text(browser: Browser, rigged: Rigged) -> None:
    browser.shows("has joined no commons", "/wasteland")
    keep_board(rigged.root)
    browser.shows("Mend the roof", "/wasteland")
    shown = browser.text("/wasteland")
    assert "A ladder</p>" not in shown.split('id="handedin"')[0]
    assert "<b>bold" not in shown and "\x1b" not in shown and "\u202e" not in shown and "&lt;b&gt;bold" in shown
    assert "gt wl accept w-003" in shown and "A bucket" in shown
    assert "5.0 newcomer" in shown and "4.0 newcomer" in shown
    browser.shows("A ladder", "/wasteland?status=in_review")
    browser.shows("Mend the roof", "/wasteland?status=all&project=roof")
    filtered = browser.text("/wasteland?status=all&project=roof").split('id="handedin"')[0]
    assert "A ladder" in filtered and "yard" in filtered and "w-002" not in filtered
    assert browser.client.get("/wasteland?status=none").status_code == 404
    keep_board(rigged.root, wanted=[item(9, "Something new")])
    browser.shows("Something new", "/wasteland")
