from __future__ import annotations

import pytest

from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.work.convoy.launching import launch, stage
from gastown_core.work.convoy.staging import analyse
from gastown_core.work.convoys import get_convoy, member_ids
from gastown_core.work.deferred import open_contexts


def look(paper, *ids):
    return analyse(paper.root, paper.ledger, ids, clock=paper.clock)


def staged(paper, *ids, **options):
    return stage(paper.root, paper.ledger, ids, actor="overseer", clock=paper.clock, **options)


def waves(plan):
    return [[task.bead.id for task in wave] for wave in plan.waves]


def categories(found):
    return [one.category for one in found]


@pytest.fixture
def epic(paper):
    """An epic with a sub-epic: a → b → c, each a bead id."""
    top = paper.file("Auth", issue_type="epic")
    sub = paper.file("Part", issue_type="epic", parent=top)
    a = paper.file("a", parent=top)
    b = paper.file("b", parent=sub, after=(a,))
    c = paper.file("c", parent=sub, after=(b,))
    return top, a, b, c


def test_an_epic_is_staged_in_waves_without_work_of_our_own(paper, epic):
    top, a, b, c = epic
    done = staged(paper, top)
    assert (done.plan.status, waves(done.plan), done.title) == ("staged_ready", [[a], [b], [c]], "Convoy: Auth")
    convoy = paper.bead(done.convoy)
    assert (convoy.status, member_ids(convoy)) == ("staged_ready", (a, b, c))
    told = done.as_json()
    assert told["waves"][1]["tasks"] == [{"id": b, "title": "b", "type": "task", "rig": "shop", "blocked_by": [a]}]
    assert [node["id"] for node in told["tree"]] == [top]
    assert open_contexts(paper.ledger) == []


def test_a_cycle_is_told_with_its_path_and_makes_nothing(paper):
    one, two = paper.file("one"), paper.file("two", rig="billing")
    paper.link(two, one, "blocks")
    # the stores refuse a cycle they see; a merge of two histories does not ask them
    with paper.ledger.store_for(one).write("x") as batch:
        bead = batch.get(one)
        batch.put(bead.with_changes(dependencies=[{"issue_id": one, "depends_on_id": two, "type": "blocks"}]))
    done = staged(paper, one, two)
    assert (done.plan.status, done.convoy) == ("error", "")
    assert any(
        f"{one} → {two} → {one}" in found.message or f"{two} → {one} → {two}" in found.message
        for found in done.plan.errors
    )
    assert paper.events("convoy_created") == []


def test_a_bead_that_no_rig_works_on_is_an_error(paper):
    assert categories(look(paper, paper.file(rig="town"), paper.file()).errors) == ["no-rig"]


def test_what_wants_a_second_look(paper, epic):
    top, a, _, _ = epic
    loose = paper.file("loose", parent=top)
    far = paper.file("far", rig="billing", after=(a,))
    decision = paper.file("which?", issue_type="decision")
    paper.link(far, decision, "blocks")
    found = look(paper, top)
    assert [(one.category, one.bead_ids) for one in found.warnings] == [("orphan", (loose,))]
    paper.park("billing")
    tasks = [paper.file(f"t{n}") for n in range(6)]
    found = look(paper, far, a, *tasks)
    assert categories(found.warnings) == ["blocked-rig", "cross-rig", "capacity", "gated"]
    assert [(bead.id, gate) for bead, gate in found.gated] == [(far, decision)]
    assert waves(found)[1] == [far]


def test_independent_tasks_of_an_epic_are_no_orphans(paper):
    top = paper.file("Many", issue_type="epic")
    for n in range(3):
        paper.file(f"t{n}", parent=top)
    assert look(paper, top).warnings == ()


def test_closed_tasks_are_members_and_in_no_wave(paper, epic):
    top, a, b, c = epic
    paper.close(a)
    found = look(paper, top)
    assert (waves(found), found.members) == ([[b], [c]], (a, b, c))


def test_what_cannot_be_staged(paper, epic):
    top, a, _, _ = epic
    with pytest.raises(UsageError, match="epic and tasks"):
        look(paper, top, a)
    with pytest.raises(UsageError, match="2 epics"):
        look(paper, top, paper.file("x", issue_type="epic"))
    with pytest.raises(UsageError, match="nothing to stage"):
        look(paper, paper.file("empty", issue_type="epic"))
    with pytest.raises(UsageError, match="is a decision"):
        look(paper, paper.file("x", issue_type="decision"))
    with pytest.raises(NotFoundError):
        look(paper, "sh-zzzzz")


def test_staging_again_keeps_who_is_told_and_takes_new_work_in(paper, epic):
    top, a, b, c = epic
    first = staged(paper, top, title="Mine")
    with paper.ledger.store_for(first.convoy).write("x") as batch:
        batch.set_fields(first.convoy, {"Notify": "mayor/", "Watchers": "shop/opal"})
    d = paper.file("d", parent=top, after=(a,))
    again = staged(paper, top)
    assert (again.convoy, again.restaged, again.title) == (first.convoy, True, "Mine")
    convoy = paper.bead(first.convoy)
    fields = convoy.fields
    assert (fields["owner"], fields["notify"], fields["watchers"]) == ("overseer", "mayor/", "shop/opal")
    assert sorted(member_ids(convoy)) == sorted([a, b, c, d])


def test_overlaps_with_other_convoys(paper, epic):
    top, a, b, _ = epic
    paper.convoy("Open", b)
    with pytest.raises(ConflictError, match="belong to convoy"):
        staged(paper, top)
    one, two, three = paper.file(), paper.file(), paper.file()
    first, second = staged(paper, one), staged(paper, two)
    with pytest.raises(ConflictError, match="not clear"):
        staged(paper, one, two)
    joined = staged(paper, one, three)
    assert (joined.convoy, joined.restaged) == (first.convoy, True)
    assert member_ids(paper.bead(first.convoy)) == (one, three)
    assert second.convoy != first.convoy


def test_launching_opens_it_and_gives_out_the_first_wave(paper, epic):
    top, a, _, _ = epic
    paper.set("scheduler.max_polecats", "5")
    done = staged(paper, top)
    launched = launch(paper.root, paper.ledger, done.convoy, actor="overseer", clock=paper.clock)
    assert [(one.bead, one.deferred, one.convoy) for one in launched.started] == [(a, True, done.convoy)]
    assert paper.bead(done.convoy).status == "open"
    assert paper.events("convoy_launched")[0]["payload"]["convoy"] == done.convoy
    with pytest.raises(ConflictError, match="not staged"):
        launch(paper.root, paper.ledger, done.convoy, actor="overseer", clock=paper.clock)
    with pytest.raises(ConflictError, match="belong to convoy"):
        staged(paper, top)
    with pytest.raises(UsageError, match="is already open"):
        staged(paper, done.convoy)


def test_warnings_and_closed_rigs_want_force_and_change_nothing_before(paper, epic):
    top, *_ = epic
    paper.set("scheduler.max_polecats", "5")
    paper.file("loose", parent=top)
    odd = staged(paper, top)
    with pytest.raises(ConflictError, match="with warnings"):
        launch(paper.root, paper.ledger, odd.convoy, actor="overseer", clock=paper.clock)
    assert get_convoy(paper.ledger, odd.convoy).bead.status == "staged_warnings"
    fine = staged(paper, paper.file(rig="billing"))
    paper.park("billing")
    with pytest.raises(ConflictError, match="closed rig"):
        launch(paper.root, paper.ledger, fine.convoy, actor="overseer", clock=paper.clock)
    assert launch(paper.root, paper.ledger, odd.convoy, actor="overseer", force=True, clock=paper.clock).started
    assert get_convoy(paper.ledger, odd.convoy).bead.status == "open"
