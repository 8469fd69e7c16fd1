"""``python -m docs.dashboard_pictures LINK``: draw pages of a running dashboard in Chromium for ``dashboard.md``."""

from __future__ import annotations

import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PICTURES = (
    ("dashboard-home", "/", (1440, 900), "dark"),
    ("dashboard-beads", "/beads", (1440, 900), "light"),
    ("dashboard-phone", "/", (390, 780), "dark"),
)
"""File, page, size of the window, colour scheme."""


def draw(link: str) -> None:
    """Write the pictures of the dashboard that a link opens."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, path, (width, height), scheme in PICTURES:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(link)
            page.goto(link.partition("/?")[0] + path)
            page.wait_for_selector("#live .state.good")
            page.screenshot(path=os.path.join(HERE, "pictures", f"{name}.png"))
        browser.close()


if __name__ == "__main__":
    draw(sys.argv[1])
