"""Undoing: what was done, by whatever way, is taken back exactly; what changed since is never overwritten."""

from __future__ import annotations

import os
import random

import pytest

from gastown_cli.bd import ROOT as BD
from gastown_cli.lazy import run_root
from gastown_core.clock import format_seconds
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.events.log import append_event
from gastown_core.git.repo import Git
from gastown_core.messaging.queue import enqueue, waiting
from gastown_core.model.event import CATALOGUE, TownEvent
from gastown_core.orders.inverse import ORDERS_UNDONE, TABLE, Inverse, inverse_of, undo_words
from gastown_core.orders.registry import BY_ID, ORDERS
from gastown_core.orders.undo import acts_in, acts_of, find, key_of, undo
from tests.support.cli import gt
from tests.support.repos import PERSON, commit_files
from tests.support.rigged import Rigged

ME = "overseer"


class Town:
    """The town, with ``bd`` run inside the test's process as a person."""

    def __init__(self, rigged: Rigged) -> None:
        self.rigged = rigged
        self.root = rigged.root

    def bd(self, *words: str) -> None:
        assert run_root(BD, list(words)) == 0, words

    def undo(self, key: str = ""):
        return undo(self.root, key, actor=ME)

    def ledger(self) -> dict[str, dict[str, object]]:
        """Every bead's record without its time of change, which only goes forward."""
        found = {}
        for store in self.rigged.ledger.stores().values():
            from gastown_core.beads.query import BeadQuery

            for bead in store.find(BeadQuery()):
                found[bead.id] = {key: value for key, value in bead.raw.items() if key != "updated_at"}
        return found


@pytest.fixture
def town(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.delenv("BEADS_ACTOR", raising=False)
    monkeypatch.chdir(rigged.root)
    return Town(rigged)


def event(kind: str, at: float, actor: str = ME, **payload: object) -> TownEvent:
    return TownEvent(at, kind, actor, payload, "feed", -1)


# the table


def test_each_row_is_a_kind_of_event_and_says_why_where_there_is_no_way_back() -> None:
    assert TABLE.keys() <= CATALOGUE.keys()
    for name, row in TABLE.items():
        assert row.make is not None or row.why_not, name
        assert set(row.later) <= CATALOGUE.keys(), name
        assert not row.about or row.about in CATALOGUE[name].keys, name


def test_every_order_says_beforehand_whether_it_can_be_undone() -> None:
    assert ORDERS_UNDONE.keys() <= BY_ID.keys()
    assert all(undo_words(order.id) for order in ORDERS)
    assert undo_words("bead.sling") == "Ctrl-Z undoes it."
    assert undo_words("agent.stop").startswith("It cannot be undone: the session has ended")
    assert undo_words("agent.nudge").startswith("Ctrl-Z undoes it while it waits")
    assert undo_words("town.tidy") == "It cannot be undone."


def test_an_event_without_what_its_inverse_needs_has_none() -> None:
    for name in TABLE:
        assert isinstance(inverse_of(event(name, 1.0)), str) or TABLE[name].about in ("", "rig")
    assert inverse_of(event("sling", 1.0, bead="sh-1", target="shop/polecats/opal")) == Inverse(
        "take sh-1 off the hook of shop/polecats/opal", ("unsling", "sh-1", "shop/polecats/opal")
    )


# the list


def test_the_list_has_ones_own_acts_and_names_what_came_after() -> None:
    events = [
        event("scheduler_paused", 10.0),
        event("sling", 9.0, "mayor", bead="sh-9", target="shop/polecats/ruby"),
        event("done", 8.0, "shop/polecats/opal", bead="sh-1"),
        event("sling", 7.0, bead="sh-1", target="shop/polecats/opal"),
        event("kill", 6.0, target="shop/polecats/jade"),
    ]
    acts = acts_in(iter(events), ME)
    assert [act.what for act in acts] == [
        "paused the scheduler",
        "slung sh-1 to shop/polecats/opal",
        "stopped shop/polecats/jade",
    ]
    assert acts[0].why_not == "" and acts[0].does == "resume the scheduler"
    assert "shop/polecats/opal did more since" in acts[1].why_not
    assert acts[2].why_not == TABLE["kill"].why_not


def test_what_was_undone_and_what_undoing_did_are_no_acts() -> None:
    paused = event("scheduler_paused", 10.0)
    events = [
        event("undone", 12.1, what="paused the scheduler", events=[key_of(paused)], since=12.0),
        event("scheduler_resumed", 12.05),
        paused,
        event("scheduler_resumed", 5.0),
    ]
    acts = acts_in(iter(events), ME)
    assert [(act.at, act.why_not) for act in acts] == [(5.0, "")], "the one before is what stands now"


def test_a_freeze_that_ended_by_itself_is_not_thawed() -> None:
    frozen = [event("queue_frozen", 10.0, rig="shop", reason="frozen", until=format_seconds(100.0))]
    assert [act.why_not for act in acts_in(iter(frozen), ME, now=99.0)] == [""]
    [over] = acts_in(iter(frozen), ME, now=100.0)
    assert over.why_not.startswith("it ended by itself at ")


def test_an_older_act_is_taken_back_only_by_its_key() -> None:
    acts = acts_in(iter([event("kill", 9.0, target="shop/polecats/jade"), event("scheduler_paused", 8.0)]), ME)
    for key in ("", acts[0].key):
        with pytest.raises(ConflictError, match="the session has ended") as refused:
            find(acts, key)
        assert "stopped shop/polecats/jade" in refused.value.what
        assert ("paused the scheduler" in refused.value.hint) is (key == "")
    assert find(acts, acts[1].key) == acts[1]


# beads, by bd


def acts_on(beads: list[str], rng: random.Random) -> tuple[str, ...]:
    one, other = rng.sample(beads, 2)
    return rng.choice(
        [
            ("update", one, "--priority", str(rng.randrange(5))),
            ("update", one, "--title", f"Title {rng.randrange(999)}"),
            ("update", one, "--status", rng.choice(["open", "in_progress", "blocked"])),
            ("update", one, "--assignee", rng.choice(["shop/polecats/opal", "mayor/"])),
            ("update", one, "--description", f"Lines\n{rng.randrange(999)}"),
            ("label", "add", one, f"l{rng.randrange(3)}"),
            ("comments", "add", one, f"said {rng.randrange(999)}"),
            ("dep", "add", one, other),
            ("close", one, "--reason", "done", "--force"),
            ("reopen", one),
        ]
    )


@pytest.mark.parametrize("seed", range(6))
def test_undo_restores_the_ledger_after_any_act_and_after_all_of_them(town: Town, seed: int) -> None:
    rng = random.Random(seed)
    beads = [town.rigged.file(f"Bead {number}").id for number in range(3)]
    states = [town.ledger()]
    for _ in range(14):
        run_root(BD, list(acts_on(beads, rng)))
        now = town.ledger()
        if now == states[-1]:
            continue
        if rng.random() < 0.4:
            town.undo()
            assert town.ledger() == states[-1]
        else:
            states.append(now)
    while len(states) > 1:
        states.pop()
        town.undo()
        assert town.ledger() == states[-1]
    with pytest.raises(NotFoundError, match="nothing to undo"):
        town.undo()


def test_a_field_that_changed_since_is_not_overwritten_and_is_named(town: Town) -> None:
    bead = town.rigged.file("One").id
    town.bd("update", bead, "--priority", "1")
    mine = acts_of(town.root, ME)[0]
    with town.rigged.ledger.store_for(bead).write("mayor") as batch:
        batch.update(bead, {"priority": 3})
    with pytest.raises(ConflictError, match="its priority is 3, not 1"):
        town.undo(mine.key)
    assert town.rigged.bead(bead).priority == 3
    # another field that changed since is no obstacle, and stays
    town.bd("update", bead, "--title", "Two")
    title = acts_of(town.root, ME)[0]
    with town.rigged.ledger.store_for(bead).write("mayor") as batch:
        batch.update(bead, {"priority": 0})
    town.undo(title.key)
    assert (town.rigged.bead(bead).title, town.rigged.bead(bead).priority) == ("One", 0)


def test_closing_the_last_child_closed_its_parent_too_and_both_come_back(town: Town) -> None:
    town.bd("create", "Epic", "--type", "epic", "--silent")
    epic = next(bead for bead in town.ledger() if town.rigged.bead(bead).issue_type == "epic")
    town.bd("create", "Child", "--parent", epic, "--silent")
    child = next(bead for bead in town.ledger() if bead.startswith(epic + "."))
    before = town.ledger()
    town.bd("close", child, "--reason", "done")
    town.undo()
    assert town.ledger() == before


# work, by gt


def test_a_sling_is_undone_and_not_after_its_agent_has_begun(town: Town) -> None:
    bead = town.rigged.file("Work").id
    town.rigged.sling(bead)
    agent = town.rigged.bead(bead).assignee
    act = town.undo()
    assert act.what.startswith(f"slung {bead}")
    now = town.rigged.bead(bead)
    assert (now.status, now.assignee) == ("open", "")
    assert bead not in gt("hook", "show", agent, "--json", cwd=town.root).out
    town.rigged.sling(bead, agent)
    append_event(town.root, "done", agent, {"bead": bead})
    with pytest.raises(ConflictError, match="did more since"):
        town.undo()
    assert town.rigged.bead(bead).assignee, "what the agent did since stays"


def test_unslung_work_goes_back_onto_the_same_hook(town: Town) -> None:
    bead = town.rigged.file("Work").id
    town.rigged.sling(bead)
    agent = town.rigged.bead(bead).assignee
    assert gt("unsling", bead, cwd=town.root).code == 0
    assert town.rigged.bead(bead).assignee == ""
    town.undo()
    assert town.rigged.bead(bead).assignee == agent


def test_the_scheduler_a_rig_and_a_level_go_back(town: Town) -> None:
    root = town.root
    for words, ask, before in (
        (("scheduler", "pause"), ("scheduler", "status", "--json"), "paused"),
        (("rig", "park", "shop"), ("rig", "list", "--json"), ""),
        (("dnd", "on", "--agent", "mayor"), ("notify", "--agent", "mayor"), ""),
    ):
        first = gt(*ask, cwd=root).out
        assert gt(*words, cwd=root).code == 0
        assert gt(*ask, cwd=root).out != first, (words, before)
        town.undo()
        assert gt(*ask, cwd=root).out == first, words
    assert [row["type"] for row in town.rigged.events("undone")] == ["undone"] * 3


def test_a_nudge_is_taken_back_while_it_waits_only(town: Town) -> None:
    path = enqueue(town.root, "hq-mayor", ME, "hello", target="mayor")
    append_event(
        town.root, "nudge", ME, {"rig": "", "target": "mayor", "reason": "hello", "id": os.path.basename(path)}
    )
    town.undo()
    assert waiting(town.root, "hq-mayor") == []
    path = enqueue(town.root, "hq-mayor", ME, "again", target="mayor")
    append_event(
        town.root, "nudge", ME, {"rig": "", "target": "mayor", "reason": "again", "id": os.path.basename(path)}
    )
    os.unlink(path)
    with pytest.raises(ConflictError, match="has left its queue"):
        town.undo()


def test_a_rollback_of_a_worktree_is_undone_with_every_file(town: Town) -> None:
    bead = town.rigged.file("Work").id
    town.rigged.sling(bead)
    entry = town.rigged.entry(town.rigged.bead(bead).assignee)
    git = Git(entry.work_dir, identity=PERSON)
    start = git.run("rev-parse", "HEAD").strip()
    commit_files(git, {"a.txt": "one\n"}, "one")
    with open(os.path.join(entry.work_dir, "loose.txt"), "w", encoding="utf-8") as handle:
        handle.write("loose\n")
    before = (git.run("rev-parse", "HEAD^{tree}"), git.run("status", "--porcelain"))
    assert gt("hook", "rollback", start[:8], "--agent", entry.address.short, cwd=town.root).code == 0
    assert not os.path.exists(os.path.join(entry.work_dir, "a.txt"))
    town.undo()
    assert open(os.path.join(entry.work_dir, "a.txt"), encoding="utf-8").read() == "one\n"
    assert open(os.path.join(entry.work_dir, "loose.txt"), encoding="utf-8").read() == "loose\n"
    assert (git.run("rev-parse", "HEAD^{tree}"), git.run("status", "--porcelain")) == before

    assert gt("hook", "rollback", start[:8], "--agent", entry.address.short, cwd=town.root).code == 0
    with open(os.path.join(entry.work_dir, "new.txt"), "w", encoding="utf-8") as handle:
        handle.write("work since\n")
    with pytest.raises(ConflictError, match="has changed since"):
        town.undo()
    assert os.path.exists(os.path.join(entry.work_dir, "new.txt"))


# the command


def test_gt_undo_lists_shows_and_undoes(town: Town) -> None:
    bead = town.rigged.file("One").id
    town.bd("update", bead, "--priority", "1")
    assert gt("scheduler", "pause", cwd=town.root).code == 0
    listed = gt("undo", "--list", "--json", cwd=town.root).json
    assert [row["act"] for row in listed][0] == "paused the scheduler" and listed[1][
        "does"
    ] == f"set priority of {bead} back"
    assert "undo would resume the scheduler" in gt("undo", "--list", cwd=town.root).out
    assert "would undo: paused the scheduler" in gt("undo", "--dry-run", cwd=town.root).out
    assert "undone" in gt("undo", "2", cwd=town.root).out
    assert town.rigged.bead(bead).priority != 1
    assert gt("undo", "--json", cwd=town.root).json["undone"] is True
    nothing = gt("undo", cwd=town.root)
    assert nothing.code == 1 and "nothing to undo" in nothing.err
    assert gt("scheduler", "pause", cwd=town.root).code == 0
    assert gt("config", "set", "merge_queue.ageing", "3h", "--rig", "shop", cwd=town.root).code == 0
    for words in (("undo",), ("undo", "--dry-run"), ("undo", "1"), ("undo", "1", "--dry-run")):
        refused = gt(*words, cwd=town.root)
        assert refused.code == 1 and "cannot" in refused.err and "merge_queue.ageing" in refused.err, words
    assert "paused" in gt("scheduler", "status", "--json", cwd=town.root).out
    assert gt("undo", "2", cwd=town.root).code == 0, "an older one is taken back when it is named"
    assert gt("undo", "9", cwd=town.root).code == 2
    assert gt("undo", "--list", "x", cwd=town.root).code == 2


def test_an_agent_undoes_its_own_acts_and_nobody_elses(town: Town) -> None:
    bead = town.rigged.file("One").id
    town.bd("update", bead, "--priority", "1")
    nothing = gt("undo", cwd=town.root, GT_ROLE="mayor")
    assert nothing.code == 1 and town.rigged.bead(bead).priority == 1


def test_in_a_commons_only_what_nobody_can_have_acted_on_is_taken_back() -> None:
    def told(act: str, at: float = 1.0) -> TownEvent:
        return TownEvent(at, "wasteland", ME, {"act": act, "item": "w-1"}, "feed", -1)

    claim = inverse_of(told("claimed"))
    assert isinstance(claim, Inverse) and claim.words == ("wl", "unclaim", "--", "w-1")
    assert inverse_of(told("given back")).words == ("wl", "claim", "--", "w-1")
    for act in ("handed in", "accepted", "sent back", "stamped", "lost"):
        assert inverse_of(told(act)) == "other towns may have acted on it"
    newest, older = acts_in([told("handed in", 2.0), told("claimed", 1.0)], ME)
    assert newest.why_not and "did more since" in older.why_not
    assert undo_words("wanted.claim") == "Ctrl-Z undoes it until you hand it in."
    assert undo_words("wanted.accept") == "It cannot be undone."
