"""What tests of the program from the outside share."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.towns import reference_town


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The reference town, with a tmux server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="gtc", dir="/tmp"))
    monkeypatch.setenv("TMUX_TMPDIR", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    for key in ("TMUX", "TMUX_PANE", "NO_COLOR", "GT_NO_EMOJI", "GT_TOWN_ROOT"):
        monkeypatch.delenv(key, raising=False)
    yield reference_town(folder)
    for socket in folder.glob("tmux-*/*"):
        if socket.is_socket():
            subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)
