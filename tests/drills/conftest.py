from __future__ import annotations

import os

import pytest

from tests.drills.drilled import Drilled
from tests.support.rigged import Rigged


@pytest.fixture
def drilled(rigged: Rigged, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Drilled:
    """The town of ``rigged``, which can be put back; nobody waits for a second look, or for a batch to grow."""
    from gastown_core.refinery import engine
    from gastown_core.work.scheduler import reclaim

    monkeypatch.setattr(engine, "LOOK_S", 0.001)
    monkeypatch.setattr(reclaim, "SECOND_LOOK_S", 0.0)
    return Drilled(rigged, str(tmp_path_factory.mktemp("kept") / "town"))


@pytest.fixture
def by_hand(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has everything but tmux: work is hooked, and agents are started by hand."""
    folder = os.path.join(str(tmp_path), "bin")
    os.makedirs(folder)
    for place in os.environ["PATH"].split(os.pathsep):
        for name in os.listdir(place) if os.path.isdir(place) else ():
            if name != "tmux" and not os.path.lexists(os.path.join(folder, name)):
                os.symlink(os.path.join(place, name), os.path.join(folder, name))
    monkeypatch.setenv("PATH", folder)
