"""Running ``bd`` inside the test's process, which is a hundred times quicker than starting it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from gastown_cli.bd import ROOT
from gastown_cli.lazy import run_root


@dataclass
class Said:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Bd:
    """``bd(*words)`` runs a command; ``stdin`` is what it reads."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *words: str, code: int | None = 0, stdin: str = "") -> Said:
        import io

        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capsys.readouterr()
        got = run_root(ROOT, list(words))
        text = self._capsys.readouterr()
        assert code is None or got == code, f"exit {got}: {text.out}{text.err}"
        return Said(got, text.out, text.err)

    def new(self, title: str = "a bead", *words: str) -> str:
        """A new bead's id."""
        return self("q", title, *words).out.strip()


@pytest.fixture
def bd(capsys, monkeypatch, tmp_path):
    """``bd`` in an empty store with the prefix gt, in the name of ``tester``."""
    for key in ("BEADS_DIR", "GT_ROLE", "BD_ACTOR", "GT_TOWN_ROOT", "GT_ROOT", "BD_JSON_ENVELOPE", "CLICOLOR_FORCE"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("BEADS_ACTOR", "tester")
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("PWD", str(place))
    made = Bd(capsys, monkeypatch)
    made("init", "-p", "gt", "-q", "--skip-hooks")
    return made
