"""A town of our own with one rig over a real origin, and what tests ask of it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.git.repo import Git
from gastown_core.model.bead import Bead
from gastown_core.town.install import install_town
from gastown_core.town.inventory import RosterEntry, find_agent, read_inventory
from gastown_core.town.rigs import add_rig
from gastown_core.work.request import SlingRequest
from gastown_core.work.sling.sling import Sling
from tests.support.repos import PERSON, make_repo


class Rigged:
    """The town ``root`` with rig ``shop`` (prefix ``sh``) whose origin is ``origin``."""

    def __init__(self, root: str, origin: str) -> None:
        self.root = root
        self.origin = Git(origin, identity=PERSON)

    @property
    def ledger(self) -> TownLedger:
        return TownLedger(self.root)

    def file(self, title: str = "Fix it", **fields: object) -> Bead:
        with self.ledger.store_for("sh-x").write("overseer") as batch:
            return batch.create({"title": title, **fields})

    def bead(self, bead_id: str) -> Bead:
        found = self.ledger.get(bead_id)
        assert found is not None
        return found

    def sling(self, bead_id: str, target: str = "shop", **options: object) -> Sling:
        """Sling without a session unless ``session=True``; the Sling that ran."""
        request = SlingRequest(bead_id, target, **{"session": False, **options})
        sling = Sling(self.root, request)
        for _ in sling.run():
            pass
        return sling

    def entry(self, text: str) -> RosterEntry:
        from gastown_core.model.address import parse_address

        inventory = read_inventory(self.root)
        found = find_agent(inventory, parse_address(text, {rig.name: rig.prefix for rig in inventory.rigs}))
        assert found is not None, text
        return found

    def events(self, *types: str) -> list[dict[str, object]]:
        path = os.path.join(self.root, ".events.jsonl")
        with open(path, encoding="utf-8") as handle:
            found = [json.loads(line) for line in handle]
        return [event for event in found if not types or event["type"] in types]


def write(path: str, text: str) -> None:
    """Write a file, its folders too."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)


def fresh_town(base: str) -> str:
    """Return the root of a new town with the rig ``shop`` over ``origin.git``, all below ``base``."""
    make_repo(os.path.join(base, "src"))
    origin = os.path.join(base, "origin.git")
    Git(base).run("clone", "--quiet", "--bare", os.path.join(base, "src"), origin)
    root = os.path.join(base, "gt")
    install_town(root, git=True)
    add_rig(root, "shop", origin, prefix="sh")
    return root


@pytest.fixture
def rigged(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Rigged:
    """A fresh town with rig ``shop``."""
    for key in ("GT_ROLE", "GT_SESSION", "GT_RIG", "GT_POLECAT", "BD_ACTOR", "GT_TOWN_ROOT", "GT_ROOT", "GT_BRANCH"):
        monkeypatch.delenv(key, raising=False)
    base = str(tmp_path)
    return Rigged(fresh_town(base), os.path.join(base, "origin.git"))


@pytest.fixture
def sessions_too(rigged: Rigged, server: object) -> Iterator[Rigged]:
    """The town of ``rigged`` with real sessions, which all end with the test."""
    from gastown_core.town import sessions

    yield rigged
    sessions.server_of(rigged.root).kill_server()


@pytest.fixture
def without_tmux(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH that has git and no tmux."""
    monkeypatch.setenv("PATH", path_without_tmux(tmp_path))


def path_without_tmux(tmp_path: object) -> str:
    """A new folder of ``tmp_path`` with git and what it needs, for PATH."""
    import shutil
    import sys

    folder = os.path.join(str(tmp_path), "bin")
    os.makedirs(folder)
    for program in ("git", "sh", "env"):
        os.symlink(str(shutil.which(program)), os.path.join(folder, program))
    os.symlink(sys.executable, os.path.join(folder, "python3"))
    return folder


def make_executable(path: str, text: str) -> None:
    """An executable script."""
    write(path, text)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
