"""``python -m docs.dashboard_pictures LINK``: draw pages of a running dashboard in Chromium for ``dashboard.md``.

Each picture keeps the menu that Chromium showed, as text inside the PNG: a test compares it with the menu of today.
"""

from __future__ import annotations

import os
import shutil
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PICTURES = (
    ("dashboard-home", "/", (1440, 900), "dark"),
    ("dashboard-beads", "/beads", (1440, 900), "light"),
    ("dashboard-phone", "/", (390, 780), "dark"),
)
"""File, page, size of the window, colour scheme."""


MENU = b"Menu"
"""Keyword of the PNG's text that says which pages the menu had."""
_HEAD = 8 + 25
"""Length of a PNG's signature and of its first chunk, behind which text may stand."""


def with_menu(picture: bytes, entries: list[str]) -> bytes:
    """Return a PNG with the menu's entries in it, one a line."""
    body = b"tEXt" + MENU + b"\0" + "\n".join(entries).encode("latin-1")
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return picture[:_HEAD] + chunk + picture[_HEAD:]


def menu_of(picture: bytes) -> list[str]:
    """Return the menu's entries that a PNG keeps; empty if it keeps none."""
    at = 8
    while at + 8 <= len(picture):
        length, kind = int.from_bytes(picture[at : at + 4], "big"), picture[at + 4 : at + 8]
        keyword, _, text = picture[at + 8 : at + 8 + length].partition(b"\0")
        if kind == b"tEXt" and keyword == MENU:
            return text.decode("latin-1").split("\n")
        at += length + 12
    return []


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
            shown = [" ".join(entry.split()) for entry in page.locator("#menu li").all_inner_texts()]
            with open(os.path.join(HERE, "pictures", f"{name}.png"), "wb") as handle:
                handle.write(with_menu(page.screenshot(), shown))
        browser.close()


if __name__ == "__main__":
    draw(sys.argv[1])
