"""The documents' pictures show the menu, tabs and hints that the program has today."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from docs.dashboard_pictures import PICTURES, menu_of, with_menu
from gastown_tui.keys import ACTIONS
from gastown_tui.widgets.drawer import FIRST_KEY, TABS
from gastown_web.panels import PAGES, Page

HERE = Path("docs/pictures")
REDRAW = "draw it again on a demo: see CONTRIBUTING.md"


def differing(shown: list[str], pages: tuple[Page, ...]) -> list[tuple[str, str]]:
    """The entries of a picture's menu that are not those of the pages, beside what should stand there."""
    wanted = [page.title for page in pages]
    if len(shown) != len(wanted):
        return [("\n".join(shown), "\n".join(wanted))]
    # a phone has no keyboard, so its menu names no keys
    return [
        (entry, f"{page.title} {page.key}")
        for entry, page in zip(shown, pages, strict=True)
        if entry not in (page.title, f"{page.title} {page.key}")
    ]


@pytest.mark.parametrize("name", [name for name, *_ in PICTURES])
def test_a_picture_of_the_dashboard_has_the_menu_of_today(name: str) -> None:
    assert differing(menu_of((HERE / f"{name}.png").read_bytes()), PAGES) == [], REDRAW


def test_a_menu_that_changed_is_noticed() -> None:
    picture = (HERE / "dashboard-home.png").read_bytes()
    # the chunk that holds the menu, its length and its checksum
    at = picture.index(b"tEXtMenu") - 4
    plain = picture[:at] + picture[at + 12 + int.from_bytes(picture[at : at + 4], "big") :]
    assert menu_of(plain) == [] and menu_of(b"") == [] and menu_of(b"no picture at all") == []
    assert menu_of(with_menu(plain, ["Home h", "Costs $"])) == ["Home h", "Costs $"]
    assert with_menu(plain, menu_of(picture)) == picture
    assert differing([], PAGES) and differing(["Home h"], PAGES)
    assert differing([page.title for page in PAGES[1:]], PAGES)
    assert differing([page.title for page in (*PAGES[1:], PAGES[0])], PAGES)


def test_the_page_about_the_dashboard_has_every_page_with_its_key() -> None:
    rows = re.findall(r"^\| ([^|`]+) \| `(.)` \| ", Path("docs/dashboard.md").read_text(encoding="utf-8"), re.M)
    assert rows == [(page.title, page.key) for page in PAGES]


def words_of(picture: str) -> list[str]:
    """The runs of text of a console's picture, in their order."""
    runs = re.findall(r">([^<>]+)</text>", picture)
    return [word for run in runs if (word := html.unescape(run).replace("\xa0", " ").strip())]


def test_the_picture_of_the_console_has_the_tabs_and_hints_of_today() -> None:
    words = words_of((HERE / "console.svg").read_text(encoding="utf-8"))
    pairs = list(zip(words, words[1:], strict=False))
    # the digit and the name of the tab in front are two runs, those of the others one
    for number, tab in enumerate(TABS["agent"], FIRST_KEY):
        assert f"{number} {tab}" in words or (str(number), tab) in pairs, f"no tab {tab}: {REDRAW}"
    hints = {action.label for action in ACTIONS if action.hint}
    bar = words[words.index("?") :]
    shown = bar[1::2]
    assert "quit" in shown and [label for label in shown if label not in hints] == [], REDRAW
    keys = {key for action in ACTIONS for key in action.keys}
    unknown = [key for key in bar[::2] if key.isalpha() and key not in keys]
    assert unknown == [], REDRAW
