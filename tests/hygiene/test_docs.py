"""The generated page is the one that the table of actions gives."""

from __future__ import annotations

from pathlib import Path

from docs.generate import console_page


def test_the_page_of_keys_is_fresh() -> None:
    assert Path("docs/console.md").read_text() == console_page(), "run make docs"
