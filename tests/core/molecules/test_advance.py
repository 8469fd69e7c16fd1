"""Steps done one after another: what closes, what is taken next, loops, bonds, conditions, and two at once."""

from __future__ import annotations

import threading

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.opening import init_store, open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.clock import FixedClock
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.formulas.recipe import Gate, OnComplete
from gastown_core.molecules.advance import Advance, find_step
from gastown_core.molecules.steps import progress_of
from tests.support.recipes import chain, pour, recipe, step
from tests.support.stores import NOW, close, create, make_store

BOTH = pytest.mark.parametrize("poured", [True, False], ids=["poured", "root-only"])


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path)


def done(store, root, name, *, actor="me", take_all=True, cook=None, **options):
    with store.write(actor) as batch:
        return Advance(batch, root, actor, cook).close(name, **options).take(take_all=take_all)


def names(result):
    return [view.name for view in ((result.next,) if result.next else ()) + result.others]


@BOTH
def test_a_chain_goes_step_by_step_until_the_root_is_closed(store, poured):
    root = pour(store, chain(3), poured=poured)
    first = done(store, root, "s0")
    assert (first.action, names(first), first.completed, first.total) == ("continue", ["s1"], 1, 3)
    assert progress_of(store, root).current.name == "s1"
    assert progress_of(store, root).step("s1").status == "current"
    done(store, root, "s1")
    last = done(store, root, "s2")
    assert (last.action, last.next, last.as_json()["complete"]) == ("done", None, True)
    assert store.get(root).status == "closed"
    assert progress_of(store, root).is_complete


@BOTH
def test_several_ready_steps_are_taken_together_and_done_one_by_one(store, poured):
    made = recipe(step("a"), step("b", "a"), step("c", "a"), step("z", "b", "c"))
    root = pour(store, made, poured=poured)
    both = done(store, root, "a")
    assert (both.action, names(both)) == ("parallel", ["b", "c"])
    assert both.as_json()["parallel_steps"] == [f"{root}.b", f"{root}.c"]
    one = done(store, root, "b")
    assert (one.action, names(one)) == ("continue", ["c"])
    assert names(done(store, root, "c")) == ["z"]


@BOTH
def test_a_step_before_its_time_is_refused_unless_forced(store, poured):
    root = pour(store, chain(3), poured=poured)
    with pytest.raises(ConflictError, match=r"s1 cannot be done yet.*s0"):
        done(store, root, "s1")
    assert done(store, root, "s1", force=True).closed
    with pytest.raises(NotFoundError, match="no step nope"):
        done(store, root, "nope")


@BOTH
def test_a_step_done_twice_only_says_what_is_next(store, poured):
    root = pour(store, chain(3), poured=poured, assignee="me")
    done(store, root, "s0")
    again = done(store, root, "s0")
    assert (again.closed, again.action, names(again)) == (False, "continue", ["s1"])


@BOTH
def test_nothing_ready_is_said_while_a_gate_is_shut(store, poured):
    root = pour(store, recipe(step("a"), step("b", "a", gate=Gate("human"))), poured=poured)
    assert done(store, root, "a").action == "no_more_ready"
    close(store, f"{root}.gate-b")
    assert progress_of(store, root).current.name == "b"
    assert store.get(root).status == "open"


@BOTH
def test_a_timer_whose_time_has_passed_opens_by_itself(tmp_path, poured):
    clock = FixedClock(NOW)
    store = make_store(tmp_path, clock=clock)
    root = pour(store, recipe(step("a"), step("b", "a", gate=Gate("timer", "", 60.0))), poured=poured)
    clock.advance(61)
    assert names(done(store, root, "a")) == ["b"]


@BOTH
def test_a_step_with_children_is_done_when_they_are(store, poured):
    made = recipe(step("both"), step("one", parent="both"), step("two", "one", parent="both"), step("z", "both"))
    root = pour(store, made, poured=poured)
    assert names(done(store, root, "one")) == ["two"]
    last = done(store, root, "two")
    assert (names(last), last.completed, last.total) == (["z"], 2, 3)
    assert done(store, root, "z").action == "done"


@BOTH
def test_an_until_loop_begins_again_until_its_condition_or_its_most_rounds(store, poured):
    body = ("try", "check")
    made = recipe(
        step("try", until="check.output.ok == true", most=3, body=body), step("check", "try"), step("end", "check")
    )
    root = pour(store, made, poured=poured)
    for number in (2, 3):
        done(store, root, "try")
        again = done(store, root, "check", output={"ok": False})
        assert (again.round, names(again), again.completed) == (number, ["try"], 0)
        assert progress_of(store, root).step("end").status == "pending"
    done(store, root, "try")
    over = done(store, root, "check", output={"ok": False})
    assert names(over) == ["end"]
    assert over.notes == ("try ended after 3 rounds, still without check.output.ok == true",)


@BOTH
def test_an_until_loop_ends_with_its_condition(store, poured):
    body = ("try", "check")
    made = recipe(
        step("try", until="check.output.ok == true", most=3, body=body), step("check", "try"), step("end", "check")
    )
    root = pour(store, made, poured=poured)
    done(store, root, "try")
    over = done(store, root, "check", output={"ok": True})
    assert (over.round, over.notes, names(over)) == (0, (), ["end"])


@BOTH
def test_a_step_with_a_condition_waits_until_it_is_true(store, poured):
    made = recipe(step("a"), step("b", "a"), step("c", "a", only_if="b.status == 'complete'"))
    root = pour(store, made, poured=poured)
    assert names(done(store, root, "a")) == ["b"]
    assert names(done(store, root, "b")) == ["c"]


@BOTH
@pytest.mark.parametrize("parallel", [True, False])
def test_a_closing_step_bonds_a_molecule_for_each_item_and_a_later_one_waits_for_them(store, poured, parallel):
    act = OnComplete("output.files", "mend", {"file": "{item.path}", "n": "{index}"}, parallel)
    made = recipe(step("scan", on_complete=act), step("join", "scan", waits_for="all-children", spawner="scan"))
    root = pour(store, made, poured=poured)
    cooked = []

    def cook(name, values):
        cooked.append((name, dict(values)))
        return recipe(step("fix"), name=name)

    spread = done(store, root, "scan", cook=cook, output={"files": [{"path": "a"}, {"path": "b"}]})
    assert cooked == [("mend", {"file": "a", "n": "0"}), ("mend", {"file": "b", "n": "1"})]
    assert (spread.action, len(spread.spawned)) == ("no_more_ready", 2)
    ready = [one for one in spread.spawned if not store.graph(NOW).blockers(one)]
    assert len(ready) == (2 if parallel else 1)
    for number, one in enumerate(spread.spawned):
        assert progress_of(store, root).step("join").status == "blocked", number
        assert store.get(root).status == "open"
        done(store, one, "fix")
    assert progress_of(store, root).step("join").status == "ready"
    assert done(store, root, "join").action == "done"


@BOTH
def test_a_bond_without_its_output_leaves_the_step_open(store, poured):
    made = recipe(step("scan", on_complete=OnComplete("output.files", "mend")), step("z", "scan"))
    root = pour(store, made, poured=poured)
    for output in (None, {"files": "a"}):
        with pytest.raises(UsageError, match=r"output\.files"):
            done(store, root, "scan", cook=lambda *_: recipe(step("x")), output=output)
    assert progress_of(store, root).completed == 0


@BOTH
def test_a_successor_goes_on_with_the_step_its_predecessor_had_begun(store, poured):
    work = create(store, "the work", assignee="shop/polecats/opal", status="hooked")
    root = pour(store, chain(5), poured=poured, bead=work)
    for name in ("s0", "s1", "s2"):
        done(store, root, name, actor="shop/polecats/opal")
    assert progress_of(store, root).current.name == "s3"
    with store.write("gt") as batch:
        batch.update(work, {"assignee": "shop/polecats/jet"})
    assert progress_of(store, root).current.name == "s3"
    assert names(done(store, root, "s3", actor="shop/polecats/jet")) == ["s4"]
    held = store.find(BeadQuery(assignees=("shop/polecats/jet",), include_wisps=True))
    assert [bead.id for bead in held] == [work]


@BOTH
def test_two_who_finish_at_once_never_take_the_same_step(tmp_path, poured):
    root_dir = str(tmp_path)
    init_store(root_dir, "gt", use_git=False)
    made = recipe(*(step(name) for name in "abcd"), step("e", "a", "b"), step("f", "c", "d"))
    root = pour(open_store(f"{root_dir}/.beads"), made, poured=poured)
    taken: dict[str, list[str]] = {}

    def work(who):
        store = open_store(f"{root_dir}/.beads")
        with store.write(who) as batch:
            mine = Advance(batch, root, who).take(take_all=False).next
        while mine is not None:
            taken.setdefault(mine.name, []).append(who)
            mine = done(store, root, mine.name, actor=who, take_all=False).next

    threads = [threading.Thread(target=work, args=(who,)) for who in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(who) == 1 for who in taken.values()), taken
    assert {"a", "b", "c", "d"} <= set(taken)


def test_a_step_is_found_by_its_id_even_with_dots_in_its_name(store, tmp_path):
    made = recipe(step("loop.iter1.try"))
    ids = [pour(store, made, poured=poured) for poured in (True, False)]
    ledger = TownLedger(str(tmp_path))
    ledger.adopt(store.beads_dir)
    for root in ids:
        place = find_step(ledger, f"{root}.loop.iter1.try")
        assert (place.root, place.name) == (root, "loop.iter1.try")
        assert find_step(ledger, "loop.iter1.try", molecule=root).root == root
    with pytest.raises(NotFoundError, match="no step gt-x.y"):
        find_step(ledger, "gt-x.y")


def test_a_molecule_of_another_tool_goes_on_by_its_children(store):
    root = create(store, "poured elsewhere", issue_type="molecule")
    one = create(store, "one", parent=root)
    two = create(store, "two", parent=root, dependencies=[{"depends_on_id": one, "type": "blocks"}])
    assert [view.status for view in progress_of(store, root).steps] == ["ready", "pending"]
    assert done(store, root, one).next.id == two
    assert done(store, root, two).action == "done"
