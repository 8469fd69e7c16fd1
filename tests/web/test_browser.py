"""The dashboard in a real browser, as an operator uses it: live panels, an answer in place, a break of the connection."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import gt
from tests.support.patience import until
from tests.support.rigged import Rigged

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
PATIENCE_MS = 40_000


class Served:
    """``gt dashboard`` as a process of its own."""

    def __init__(self, root: str, port: int = 0) -> None:
        here = Path(__file__).parents[2]
        code = "import sys; sys.argv[0] = 'gt'; from gastown_cli.main import gt as main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "dashboard", "--port", str(port)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(here)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = "".join(self.process.stdout.readline() for _ in range(3))
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=\S+", said)
        assert found is not None, said
        self.link, self.port = found[0], int(found[1])

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


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
    page.click("#inbox .need .quiet button:text('snooze')")
    page.wait_for_selector("#receipts .good")
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
    page.click("#inbox .need .quiet button:text('snooze')")
    page.wait_for_selector("#receipts .bad:has-text('does not answer')")
    later = Served(rigged.root, served.port)
    try:
        page.wait_for_selector("#live .state:has-text('open the link')")
        page.click("#inbox .need .quiet button:text('snooze')")
        page.wait_for_selector("#receipts .bad:has-text('open the link')")
        other = page.context.new_page()
        other.goto(later.link)
        page.bring_to_front()
        page.wait_for_selector("#live .state.good")
        page.click("#inbox .need .quiet button:text('snooze')")
        page.wait_for_selector("#receipts .good")
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
    page.click("#inbox a.button:text('close escalation')")
    page.fill("textarea", "Cleaned /tmp")
    page.click("button[type=submit]")
    page.wait_for_selector(".receipts.good")
    page.click("text=Back to the town")
    page.wait_for_selector("#inbox .calm")
    assert "Nobody needs you." in page.inner_text("#inbox")
    assert page.wrong == []


def test_pages_fit_a_phone_and_both_schemes(rigged: Rigged, served: Served, page: Any) -> None:
    page.goto(served.link)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (360, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            for path in ("/", "/agents", "/convoys", "/queue", "/events", "/health", "/agent/mayor"):
                page.goto(f"http://127.0.0.1:{served.port}{path}")
                assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (path, width)
    assert page.wrong == []
