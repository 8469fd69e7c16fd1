"""A glance leaves the plain backlog unread, and shows what the whole picture shows."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gastown_core.clock import FixedClock, format_micros
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.state.collect import Sources, collect, collect_agents
from gastown_core.state.reduce import reduce_town
from tests.support.towns import reference_town

NOW = 1_790_000_000.0
RIGS = (("shop", "sh"), ("billing", "bi"))
STATUSES = "open open open open hooked in_progress in_review blocked deferred pinned closed closed".split()
TYPES = "task task task bug feature epic merge-request message gate molecule event agent".split()
LABELS = ["", "", "", "gt:message", "gt:escalation", "gt:sling-context", "gt:merge-request", "ui"]
EDGES = "blocks blocks parent-child conditional-blocks waits-for merge-blocks related".split()


def whole(root: str, now: float) -> TownSnapshot:
    sources = Sources(root)
    sources.ledger.load(now)
    try:
        return reduce_town(sources.facts, now)
    finally:
        sources.close()


def glance(root: str, now: float) -> TownSnapshot:
    sources = Sources(root, is_glance=True)
    sources.ledger.load(now)
    try:
        return reduce_town(sources.facts, now)
    finally:
        sources.close()


def shown(snapshot: TownSnapshot) -> dict[str, Any]:
    views = snapshot._asdict()
    del views["sources"]
    return views


def fill(paper: Any, rng: random.Random) -> None:
    """Beads of every status and type with edges within and across stores, some long closed, and convoys over them."""
    ids: list[str] = []
    for rig, prefix in RIGS:
        with paper.ledger.stores()[rig].write("op") as batch:
            for number in range(40):
                fields: dict[str, Any] = {
                    "title": f"{rig} {number}",
                    "issue_type": rng.choice(TYPES),
                    "labels": [label for label in {rng.choice(LABELS), rng.choice(LABELS)} if label],
                    "assignee": rng.choice(["", "shop/polecats/opal", "billing/polecats/jade", "mayor"]),
                    "description": f"source_issue: {rng.choice(ids)}\nbranch: b{number}" if ids else "",
                }
                ids.append(batch.create({key: value for key, value in fields.items() if value}).id)
    for rig, prefix in RIGS:
        with paper.ledger.stores()[rig].write("op") as batch:
            for bead_id in [one for one in ids if one.startswith(prefix)]:
                status = rng.choice(STATUSES)
                closed = {"closed_at": format_micros(NOW - rng.choice((60, 40 * 86400)))} if status == "closed" else {}
                targets = rng.sample([*ids, f"{prefix}-gone"], rng.choice((0, 0, 1, 2)))
                edges = [
                    {
                        "issue_id": bead_id,
                        "depends_on_id": target,
                        "type": rng.choice(EDGES),
                        "created_at": format_micros(NOW),
                    }
                    for target in targets
                    if target != bead_id
                ]
                batch.update(bead_id, {"status": status, **closed, "dependencies": edges})
    for number in range(4):
        paper.convoy(f"C{number}", *rng.sample(ids, 12))


@pytest.mark.parametrize("seed", range(6))
def test_a_glance_shows_what_the_whole_picture_shows(paper: Any, seed: int) -> None:
    fill(paper, random.Random(seed))
    expected, found = shown(whole(paper.root, NOW)), shown(glance(paper.root, NOW))
    behind, seen = expected.pop("behind"), found.pop("behind")
    for key, value in expected.items():
        assert found[key] == value, key
    # plain backlog is out of a glance's view, and nothing is in it that the whole picture lacks
    assert all(set(blocked) <= set(behind[target]) for target, blocked in seen.items())


@pytest.mark.parametrize("seed", range(6))
def test_agents_alone_are_the_agents_of_the_whole_picture(paper: Any, seed: int) -> None:
    fill(paper, random.Random(seed))
    clock = FixedClock(NOW)
    assert collect_agents(paper.root, clock=clock) == collect(paper.root, clock=clock).agents


def test_the_sample_town_is_the_same_at_a_glance(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    root = reference_town(tmp_path)
    assert shown(glance(root, NOW)) == shown(whole(root, NOW))
    assert collect_agents(root, clock=FixedClock(NOW)) == collect(root, clock=FixedClock(NOW)).agents
    assert shown(collect(root, clock=FixedClock(NOW)))["convoys"] == shown(whole(root, NOW))["convoys"]


def test_the_plain_backlog_is_not_read(paper: Any) -> None:
    plain, bug = paper.file("plain"), paper.file("bug", issue_type="bug")
    at_work = paper.file("busy", status="hooked", assignee="shop/polecats/opal")
    letter = paper.file("mail", issue_type="message")
    labelled = paper.file("asked", labels=["gt:escalation"])
    found = {one.id for store in paper.ledger.stores().values() for one in store.noteworthy()}
    assert found == {at_work, letter, labelled}
    assert not found & {plain, bug}
