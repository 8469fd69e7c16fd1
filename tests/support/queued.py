"""A rig with a merge queue on real git: an origin, branches made without a checkout, requests in the ledger."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.git.landed import landed_requests
from gastown_core.git.repo import Git
from gastown_core.model.bead import Bead
from gastown_core.model.merge_request import LABEL, MergeRequest, read_request
from gastown_core.model.refinery import RefineryState
from gastown_core.refinery.engine import process
from gastown_core.refinery.records import BatchResult
from gastown_core.refinery.state_file import read_state
from gastown_core.town.install import install_town
from gastown_core.town.rigs import add_rig
from tests.support.repos import PERSON, make_repo

CHECK = """\
for one in bad*; do
    if test -e "$one"; then echo "found $one"; exit 1; fi
done
if test -e pair-a && test -e pair-b; then echo "a and b do not go together"; exit 1; fi
echo all is well
"""


class Queued:
    """The town ``root`` with rig ``shop`` (prefix ``sh``), whose origin is ``origin``."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.rig = os.path.join(root, "shop")
        self.origin = Git(os.path.join(os.path.dirname(root), "origin.git"), identity=PERSON)
        self.bare = Git(os.path.join(self.rig, ".repo.git"), identity=PERSON)
        self.first = self.tip()
        self.count = 0

    @property
    def ledger(self) -> TownLedger:
        return TownLedger(self.root)

    def settings(self, **queue: Any) -> None:
        """Set keys of ``merge_queue``; ``gates`` as a mapping of name to command or object."""
        path = os.path.join(self.rig, "settings", "config.json")
        with open(path, encoding="utf-8") as handle:
            value = json.load(handle)
        value.setdefault("merge_queue", {}).update(queue)
        with open(path, "w", encoding="utf-8") as handle:
            json.dump(value, handle)

    def gate(self, cmd: str = CHECK, **more: Any) -> None:
        self.settings(gates={"check": {"cmd": cmd, **more}})

    def commit(self, files: dict[str, str], message: str, *, parent: str = "", git: Git | None = None) -> str:
        """A commit of these files on ``parent`` (default: the first commit), made without a working tree."""
        parent = parent or (self.tip() if git is self.origin else self.first)
        git = git or self.bare
        index = os.path.join(git.path, "test-index")
        env = {"GIT_INDEX_FILE": index}
        git.run("read-tree", parent, env=env)
        for name, text in files.items():
            blob = git.run("hash-object", "-w", "--stdin", stdin=text.encode())
            git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", env=env)
        tree = git.run("write-tree", env=env)
        os.unlink(index)
        return git.run("commit-tree", tree, "-p", parent, "-m", message)

    def tip(self, branch: str = "main") -> str:
        return self.origin.commit_of(f"refs/heads/{branch}")

    def hand_in(
        self,
        files: dict[str, str],
        message: str = "",
        *,
        title: str = "",
        parent: str = "",
        push: bool = True,
        target: str = "main",
        needs: str = "",
        **facts: Any,
    ) -> MergeRequest:
        """A bead in review with a branch of these files and a request for it; ``needs`` is a bead it depends on."""
        self.count += 1
        number = self.count
        worker = facts.pop("worker", f"cat{number}")
        priority = facts.pop("priority", 2)
        store = self.ledger.store_for("sh-x")
        with store.write("overseer") as batch:
            work = batch.create({"title": title or f"Work {number}", "status": "in_review"})
            if needs:
                batch.add_edge(work.id, needs)
            again = facts.get("source_issue")
            if again and batch.get(again) is not None:
                # as gt done does with what came back, or with a task that was made for it
                batch.update(again, {"status": "in_review"})
        branch = f"polecat/{worker or 'person'}/{work.id}@{number}"
        commit = self.commit(files, message or f"Do work {number}", parent=parent)
        self.bare.run("update-ref", f"refs/heads/{branch}", commit)
        if push:
            self.bare.run("push", "--quiet", "origin", f"refs/heads/{branch}")
        mr = {
            "branch": branch,
            "target": target,
            "source_issue": work.id,
            "worker": worker,
            "rig": "shop",
            "commit_sha": commit,
            **facts,
        }
        with store.write("overseer") as batch:
            fields = {"title": f"Merge: {work.id}", "issue_type": "merge-request", "priority": priority}
            made = batch.create({**fields, "labels": [LABEL], "metadata": {"mr": mr}})
        return read_request(made)

    def hand_in_many(self, count: int, bad: dict[int, dict[str, str]] | None = None) -> list[MergeRequest]:
        """``count`` requests in score order, each a file of its own; ``bad`` gives some of them other files."""
        made = []
        for number in range(count):
            files = (bad or {}).get(number, {f"file{number}": f"text {number}\n"})
            made.append(self.hand_in(files))
        # equal scores are told apart by id, so that the order of making is not the order of merging
        return sorted(made, key=lambda one: one.id)

    def process(
        self, *, clock: Clock = SYSTEM_CLOCK, at: Callable[[str], None] | None = None, **how: Any
    ) -> list[BatchResult]:
        return process(self.root, "shop", clock=clock, at=at, **how)

    def bead(self, bead_id: str) -> Bead:
        found = self.ledger.get(bead_id)
        assert found is not None, bead_id
        return found

    def request(self, request_id: str) -> MergeRequest:
        return read_request(self.bead(request_id))

    def subjects(self, branch: str = "main") -> list[str]:
        """Subjects of the commits on the origin's branch, the oldest first, without the first commit."""
        return self.origin.run("log", "--reverse", "--format=%s", f"refs/heads/{branch}").splitlines()[1:]

    def merged(self, branch: str = "main") -> list[str]:
        """Requests on the origin's branch by their trailers, the oldest first."""
        found = landed_requests(self.origin, f"refs/heads/{branch}")
        return list(reversed(found))

    def files(self, branch: str = "main") -> set[str]:
        return set(self.origin.run("ls-tree", "-r", "--name-only", f"refs/heads/{branch}").splitlines())

    def events(self, *types: str) -> list[dict[str, Any]]:
        with open(os.path.join(self.root, ".events.jsonl"), encoding="utf-8") as handle:
            found = [json.loads(line) for line in handle]
        return [event for event in found if not types or event["type"] in types]

    def state(self) -> RefineryState:
        found = read_state(self.rig)
        assert found is not None
        return found

    def leftovers(self) -> list[str]:
        """What a finished engine must not leave: worktrees of probes, intents."""
        folder = os.path.join(self.rig, ".runtime", "refinery")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found = [name for name in names if name.startswith("intent-")]
        for place, _, _ in os.walk(os.path.join(folder, "trees")):
            found += os.listdir(place) if os.path.dirname(place).endswith("trees") else []
        rows = self.bare.run("worktree", "list", "--porcelain")
        return found + [line for line in rows.splitlines() if "/trees/" in line]


@pytest.fixture(scope="session")
def queued_seed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A town with rig ``shop``, made once; tests work on copies."""
    base = str(tmp_path_factory.mktemp("queued") / "seed")
    os.makedirs(base)
    make_repo(os.path.join(base, "src"))
    origin = os.path.join(base, "origin.git")
    Git(base).run("clone", "--quiet", "--bare", os.path.join(base, "src"), origin)
    root = os.path.join(base, "gt")
    install_town(root)
    add_rig(root, "shop", origin, prefix="sh")
    return base


@pytest.fixture
def queued(queued_seed: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queued]:
    """A copy of the seed of one's own; nothing is dispatched again (there is nobody to work)."""
    for key in ("GT_ROLE", "GT_SESSION", "GT_RIG", "GT_POLECAT", "BD_ACTOR", "GT_TOWN_ROOT", "GT_ROOT", "GT_BRANCH"):
        monkeypatch.delenv(key, raising=False)
    base = os.path.join(str(tmp_path), "t")
    shutil.copytree(queued_seed, base, symlinks=True)
    made = Queued(os.path.join(base, "gt"))
    made.bare.run("remote", "set-url", "origin", "file://" + made.origin.path)
    from gastown_core.work.scheduler.dispatch import Dispatched

    monkeypatch.setattr(
        "gastown_core.work.scheduler.dispatch.dispatch",
        lambda root, ledger, bead, rig, **more: Dispatched(bead, rig, True),
    )
    yield made
