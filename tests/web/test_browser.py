"""The dashboard in a real browser, as an operator uses it: live panels, an answer in place, a break of the connection."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from gastown_web.panels import PAGES
from tests.support.board import keep_board
from tests.support.cli import bd, gt
from tests.support.dashboard import Served
from tests.support.patience import until
from tests.support.rigged import Rigged

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
    # each starts a town, a server and a browser
    pytest.mark.timeout(600),
]
PATIENCE_MS = 120_000


@pytest.fixture
def served(rigged: Rigged) -> Iterator[Served]:
    server = Served(rigged.root)
    yield server
    if server.process.poll() is None:
        server.process.kill()
        server.process.wait()


@pytest.fixture
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context().new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        yield page
        browser.close()


CHANGED = "#receipts .bad:has-text('changed just before')"


def act(page: Any, selector: str, then: str) -> None:
    """Click until it is taken: a place that changed just before takes no click."""
    for _ in range(30):
        page.click(selector)
        page.wait_for_selector(f"{then}, {CHANGED}")
        if page.locator(CHANGED).count() == 0:
            return
        page.evaluate("document.getElementById('receipts').replaceChildren()")
    raise AssertionError(f"{selector} was never taken")


def test_an_operator_sees_news_as_they_come_and_settles_them(rigged: Rigged, served: Served, page: Any) -> None:
    page.goto(served.link)
    assert "token" not in page.url
    page.wait_for_selector("#live .state.good")
    assert "Nobody needs you." in page.inner_text("#inbox")
    gt("escalate", "-s", "HIGH", "The <disk> is nearly full", cwd=rigged.root)
    page.wait_for_selector("#inbox .need")
    assert "The <disk> is nearly full" in page.inner_text("#inbox .need .asked")
    until(lambda: page.title().startswith("(1) "), "the title counts", 30)
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.hasAttribute('data-row')")
    act(page, "#inbox .need .quiet button:text('snooze')", "#receipts .good")
    page.wait_for_selector("#inbox .need", state="detached")
    assert page.title().startswith("Home")
    page.keyboard.press("m")
    page.wait_for_selector("#queue-title")
    assert page.wrong == []


def test_a_page_that_lost_its_server_says_so_and_catches_up(rigged: Rigged, served: Served, page: Any) -> None:
    page.goto(served.link)
    page.wait_for_selector("#live .state.good")
    assert served.end() == 0
    page.wait_for_selector("#live .state.warn")
    assert "not live" in page.inner_text("#live")


def test_a_page_of_an_earlier_server_says_so_and_comes_back_with_the_new_link(
    rigged: Rigged, served: Served, page: Any
) -> None:
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=rigged.root)
    page.goto(served.link)
    page.wait_for_selector("#live .state.good")
    page.wait_for_selector("#inbox .need")
    served.process.kill()
    served.process.wait()
    act(page, "#inbox .need .quiet button:text('snooze')", "#receipts .bad:has-text('does not answer')")
    later = Served(rigged.root, served.port)
    try:
        page.wait_for_selector("#live .state:has-text('open the link')")
        act(page, "#inbox .need .quiet button:text('snooze')", "#receipts .bad:has-text('open the link')")
        other = page.context.new_page()
        other.goto(later.link)
        page.bring_to_front()
        page.wait_for_selector("#live .state.good")
        act(page, "#inbox .need .quiet button:text('snooze')", "#receipts .good")
        page.wait_for_selector("#inbox .need", state="detached")
    finally:
        assert later.end() == 0


def test_the_focus_stays_on_the_same_act_when_a_panel_changes(rigged: Rigged, served: Served, page: Any) -> None:
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=rigged.root)
    page.goto(served.link)
    page.wait_for_selector("#live .state.good")
    page.focus("#inbox .need .quiet button:text('pin')")
    gt("escalate", "-s", "HIGH", "The lamp is broken", cwd=rigged.root)
    page.wait_for_selector("#inbox .need >> nth=1")
    assert page.evaluate("document.activeElement.innerText") == "pin"
    assert "nearly full" in page.evaluate("document.activeElement.closest('[data-row]').innerText")


def test_what_a_person_types_is_not_swept_away(rigged: Rigged, served: Served, page: Any) -> None:
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=rigged.root)
    page.goto(served.link)
    act(page, "#inbox a.button:text('close escalation')", "textarea")
    page.fill("textarea", "Cleaned /tmp")
    page.click("button[type=submit]")
    page.wait_for_selector(".receipts.good")
    page.click("text=Back to the town")
    page.wait_for_selector("#inbox .calm")
    assert "Nobody needs you." in page.inner_text("#inbox")
    assert page.wrong == []


def test_a_click_on_a_place_that_changed_just_before_does_nothing(rigged: Rigged, served: Served, page: Any) -> None:
    gt("escalate", "-s", "LOW", "The lamp is broken", cwd=rigged.root)
    page.goto(served.link)
    page.wait_for_selector("#live .state.good")
    page.hover("#inbox .need .quiet button:text('done')")
    # as soon as another row stands there, before anybody could have read it
    page.evaluate(
        """() => {
          const seen = new MutationObserver(() => {
            if (!document.querySelector("#inbox").innerText.includes("on fire")) return;
            seen.disconnect();
            setTimeout(() => document.elementFromPoint(pointer.x, pointer.y).click(), 0);
          });
          seen.observe(document.querySelector("main"), { childList: true, subtree: true });
        }"""
    )
    gt("escalate", "-s", "CRITICAL", "The town is on fire", cwd=rigged.root)
    page.wait_for_selector("#receipts .bad:has-text('this place changed just before')")
    assert page.locator("#inbox .need").count() == 2
    until(lambda: page.evaluate("performance.now() - movedAt > UNSEEN_MS"), "a moment passes", 60)
    page.evaluate("document.getElementById('receipts').replaceChildren()")
    act(page, "#inbox .need:has-text('on fire') .quiet button:text('done')", "#receipts .good")
    page.wait_for_selector("#inbox .need >> nth=1", state="detached")
    assert "lamp" in page.inner_text("#inbox .need")


def test_a_hidden_tab_listens_to_nothing_and_catches_up(rigged: Rigged, served: Served, page: Any) -> None:
    page.goto(served.link)
    page.wait_for_selector("#live .state.good")
    hide = """(yes) => {
      Object.defineProperty(document, "hidden", { value: yes, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    asked: list[str] = []
    page.evaluate(hide, True)
    assert page.evaluate("source === null")
    page.on("request", lambda request: asked.append(request.url))
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=rigged.root)
    page.evaluate(hide, False)
    page.wait_for_selector("#inbox .need:has-text('nearly full')")
    assert [url for url in asked if "/live" not in url] == []


def test_the_keyboard_opens_pages_rows_and_commands(rigged: Rigged, served: Served, page: Any) -> None:
    page.goto(served.link)
    page.wait_for_selector("#live .state.good")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#keys:not([open])", state="attached")
    page.keyboard.press("a")
    page.wait_for_url("**/agents")
    page.wait_for_selector("#live .state.good")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-row]').dataset.agent") == "mayor"
    page.keyboard.press("r")
    page.wait_for_url("**/act/agent.restart?target=mayor")
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette-list li >> nth=3")
    page.keyboard.type("pause sched")
    page.wait_for_selector("#palette-list li[aria-selected=true]:has-text('pause scheduler')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/act/scheduler.pause?target=")
    page.click("button[type=submit]")
    page.wait_for_selector(".receipts.good")
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.keyboard.press(":")
    page.wait_for_selector("#palette-list li >> nth=3")
    page.keyboard.type("gt nudge mayor look here")
    page.keyboard.press("Enter")
    page.wait_for_url("**/act/agent.nudge?text=look+here&target=mayor")
    assert page.wrong == []


@pytest.mark.timeout(900)
def test_every_page_fits_all_widths_and_satisfies_an_accessibility_checker(
    rigged: Rigged, served: Served, page: Any
) -> None:
    """WCAG 2.2 A and AA as far as axe can tell: all rules in light, contrast in dark too; from a phone to 4K."""
    from axe_playwright_python.base import AXE_SCRIPT

    first, second = rigged.file("Buy tiles"), rigged.file("Mend the roof", priority=0)
    bd("dep", "add", second.id, first.id, cwd=rigged.root)
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=rigged.root)
    gt("mail", "send", "overseer", "-s", "Roof", "-m", "Which tiles?", cwd=rigged.root, GT_ROLE="mayor")
    convoy = gt("convoy", "create", "Roofs", second.id, "--json", cwd=rigged.root).json["id"]
    keep_board(rigged.root)
    page.goto(served.link)
    page.wait_for_selector("#convoys-title ~ ul li")
    page.goto(f"http://127.0.0.1:{served.port}/act/scheduler.pause?target=")
    page.click("button[type=submit]")
    page.wait_for_selector(".receipts")
    # the pages with something on them
    for path, words in (("/wasteland", "Mend the roof"), ("/audit", "gt scheduler pause"), ("/mail", "Roof")):
        page.goto(f"http://127.0.0.1:{served.port}{path}")
        page.wait_for_selector(f"main :text('{words}')")
    letter = page.get_attribute("a[href^='/mail/hq-']", "href")
    paths = [one.path for one in PAGES]
    paths += ["/agent/shop/witness", "/transcript/shop/witness", "/diff/shop/witness", f"/bead/{second.id}"]
    paths += ["/work/shop/witness", "/mail/of/mayor/", letter, "/wasteland?status=all", "/costs?by=convoy&span=all"]
    paths += [f"/convoy/{convoy}", "/search?q=roof", "/palette", "/mail/new", "/act/scheduler.pause", "/bead/sh-none"]
    found = []
    for path in paths:
        page.goto(f"http://127.0.0.1:{served.port}{path}")
        page.evaluate(AXE_SCRIPT)
        for scheme, rules in (
            ("light", "['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']"),
            ("dark", "['color-contrast']"),
        ):
            page.emulate_media(color_scheme=scheme)
            told = page.evaluate(f"axe.run({{ runOnly: {rules}, resultTypes: ['violations'] }})")
            assert told["passes"], path
            found += [(path, scheme, one["id"], one["nodes"][0]["html"][:200]) for one in told["violations"]]
        for width in (360, 3840, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (path, width)
    assert found == []
    assert page.wrong == []


def test_what_a_person_opened_stays_open_while_its_panel_changes(rigged: Rigged, served: Served, page: Any) -> None:
    page.goto(served.link)
    page.wait_for_selector("#live .state.good")
    page.evaluate("""() => {
      const box = document.createElement("details");
      box.innerHTML = "<summary>more</summary>all of it";
      document.querySelector("#inbox").append(box);
    }""")
    page.click("#inbox summary")
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=rigged.root)
    page.wait_for_selector("#head .needs")
    assert page.locator("#inbox details[open]").count() == 1
    page.click("#inbox summary")
    page.wait_for_selector("#inbox .need:has-text('nearly full')")
