"""Verdicts that cannot be kept: the disk is full, or something else stands where their file is."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gastown_core.files import atomic
from gastown_core.model.refinery import FAIL, PASS
from gastown_core.refinery.prober import FILE, VerdictCache
from tests.support.queued import CHECK, Queued

LANES = {"web": ["web/"], "core": ["core/"]}
BAD = 'if test -e "{0}/bad"; then echo "found a bad one"; exit 1; fi'
JUNK: dict[str, Callable[[Path], object]] = {
    "a word": lambda path: path.write_text("junk"),
    "bytes": lambda path: path.write_bytes(b"\xff\x00\xfe" * 100),
    "half": lambda path: path.write_text('{"version": 1, "verdicts": {"a:'),
    "a list": lambda path: path.write_text("[1, 2]"),
    "other kinds": lambda path: path.write_text('{"verdicts": [1], "gates": "no", "version": {}}'),
    "deep": lambda path: path.write_text("[" * 100_000),
    "a folder": lambda path: path.mkdir(),
    "a folder that is not empty": lambda path: (path / "more").mkdir(parents=True),
    "a pipe": lambda path: os.mkfifo(path),
    "a loop of links": lambda path: path.symlink_to(path),
}


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The disk has no room for this file; how often that was found out."""
    found: list[str] = []
    fill = atomic.open_new

    def opens(temp: str, path: str, mode: int) -> tuple[int, bool]:
        if os.path.basename(path) == FILE:
            found.append(path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return fill(temp, path, mode)

    monkeypatch.setattr(atomic, "open_new", opens)
    return found


def lands_all_but_the_bad(queued: Queued, *, laned: bool) -> None:
    """Five requests, one of which is bad: the others land, that one goes back, and a second run has nothing to do."""
    if laned:
        gates = {name: {"cmd": BAD.format(name), "paths": [f"{name}/"]} for name in LANES}
        queued.settings(lanes=LANES, gates={**gates, "whole": {"cmd": "true"}}, max_concurrent=2)
    else:
        queued.gate(CHECK)
    bad = "web/bad" if laned else "bad"
    made = {name: queued.hand_in({name: "1"}) for name in ("web/a", "core/a", bad, "web/b", "core/b")}
    results = queued.process()
    assert sorted(queued.merged()) == sorted(one.id for name, one in made.items() if name != bad)
    assert [one for result in results for one in result.culprits] == [made[bad].id]
    assert sorted(one for result in results for one in result.merged) == sorted(queued.merged())
    assert not any(result.hold for result in results)
    assert queued.process() == [] and not queued.leftovers()
    later = queued.hand_in({"web/later": "1"})
    [result] = queued.process()
    assert result.merged == (later.id,)


@pytest.mark.parametrize("laned", (False, True))
def test_on_a_full_disk_a_batch_ends_as_it_would_with_the_verdicts(
    queued: Queued, full: list[str], laned: bool
) -> None:
    lands_all_but_the_bad(queued, laned=laned)
    assert full and not os.path.exists(os.path.join(queued.rig, ".runtime", FILE))


@pytest.mark.parametrize("kind", JUNK)
def test_junk_for_verdicts_changes_no_batch(queued: Queued, kind: str) -> None:
    path = Path(queued.rig, ".runtime", FILE)
    path.parent.mkdir(exist_ok=True)
    JUNK[kind](path)
    lands_all_but_the_bad(queued, laned=True)


@pytest.mark.parametrize("before, after", ((PASS, FAIL), (FAIL, PASS)))
def test_a_verdict_does_not_outlive_another_one_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    cache = VerdictCache(str(tmp_path), "set")
    cache.put("tree", before, 1000.0)
    cache.put("other", PASS, 1000.0)
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "fill", no_room)
        cache.put("third", after, 1001.0)
        assert cache.get("tree")[0] == before and cache.get("other")[0] == PASS
        cache.put("tree", before, 1001.0)
        assert cache.get("tree") == (before, 1000.0)
        cache.put("tree", after, 1002.0)
    assert cache.get("tree") == ("", 0.0)
    cache.put("tree", after, 1003.0)
    assert cache.get("tree") == (after, 1003.0)


def test_greens_of_single_gates_that_cannot_be_written_are_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = VerdictCache(str(tmp_path), "set")
    cache.put_greens("tree", {"web": 1000.0})
    monkeypatch.setattr(atomic, "fill", no_room)
    cache.put_greens("tree", {"core": 1000.0})
    assert cache.green_at("tree", "web", assumed=False) == 1000.0
    assert cache.green_at("tree", "core", assumed=True) == 0.0


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
