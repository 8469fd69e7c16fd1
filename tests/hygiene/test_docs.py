"""The generated pages are those that their tables give."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate import PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_fresh(name: str) -> None:
    assert (Path("docs") / name).read_text() == PAGES[name](), "run make docs"
