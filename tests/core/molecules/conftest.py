from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.formulas import Kitchen


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """An empty folder of formulas, the shipped ones behind it."""
    return Kitchen(str(tmp_path / "formulas"))
