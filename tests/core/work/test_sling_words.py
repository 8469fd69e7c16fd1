from __future__ import annotations

import pytest

from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.model.metadata import dispatch_words
from gastown_core.town.crew import add_crew
from gastown_core.work import convoys
from gastown_core.work.convoy.batch_sling import Many
from gastown_core.work.request import SlingRequest
from gastown_core.work.sling.errand import read_errand
from gastown_core.work.sling.formula_sling import FormulaSling
from gastown_core.work.sling.sling import Sling
from tests.support.rigged import write


@pytest.fixture
def tidy(rigged):
    """A formula of the town, ``mol-tidy``."""
    write(
        f"{rigged.root}/.beads/formulas/mol-tidy.formula.toml",
        'formula = "mol-tidy"\ntype = "workflow"\nversion = 1\n\n[vars]\nwhere = "here"\n\n'
        '[[steps]]\nid = "look"\ntitle = "Look {{where}}"\n',
    )
    return "mol-tidy"


def read(rigged, *words, **options):
    return read_errand(rigged.root, rigged.ledger, words, **options)


def many(rigged, **options):
    return Many(rigged.root, rigged.ledger, SlingRequest("", **{"session": False, **options}), actor="mayor")


def test_the_first_word_is_a_bead_then_a_formula_then_a_missing_bead(rigged, tidy):
    bead = rigged.file().id
    assert read(rigged, bead, "shop") == ("one", (bead,), "shop", "")
    assert read(rigged, "tidy", "shop") == ("formula", (), "shop", "mol-tidy")
    assert read(rigged, "mol-tidy", "shop", on=bead) == ("one", (bead,), "shop", "mol-tidy")
    with pytest.raises(NotFoundError, match="no bead sh-zzzzz"):
        read(rigged, "sh-zzzzz", "shop")
    with pytest.raises(NotFoundError, match="neither a bead nor a formula"):
        read(rigged, "what?", "shop")


def test_several_beads_go_to_the_rig_named_last_or_to_their_own(rigged):
    one, two, three = (rigged.file(str(n)).id for n in range(3))
    assert read(rigged, one, two, three, "shop") == ("several", (one, two, three), "shop", "")
    assert read(rigged, one, two) == ("several", (one, two), "shop", "")
    assert read(rigged, one, one, "shop").beads == (one,)
    with rigged.ledger.store_for("hq-x").write("x") as batch:
        town = batch.create({"title": "of the town"}).id
    with pytest.raises(UsageError, match="work of the town"):
        read(rigged, one, town)
    with pytest.raises(UsageError, match="neither a bead nor a rig"):
        read(rigged, one, two, "mayor")
    with pytest.raises(NotFoundError, match="sh-zzzzz"):
        read(rigged, one, "sh-zzzzz", "shop")


def test_an_epic_means_what_it_holds_but_may_go_to_a_planner_whole(rigged):
    epic = rigged.file("big", issue_type="epic").id
    assert read(rigged, epic).kind == read(rigged, epic, "shop").kind == "bundle"
    assert read(rigged, epic, "mayor").kind == "one"
    with pytest.raises(UsageError, match="one at a time"):
        read(rigged, epic, rigged.file().id, "shop")


def test_a_batch_has_one_convoy_and_a_polecat_each(rigged):
    ids = [rigged.file(str(n)).id for n in range(3)]
    slinging = many(rigged)
    results = list(slinging.run(ids, "shop"))
    assert [one.ok for one in results] == [True] * 3
    assert len({one.agent for one in results}) == 3
    (convoy,) = convoys.list_convoys(rigged.ledger)
    assert (convoy.bead.title, [one for one, _ in convoy.members]) == ("Batch: 3 beads to shop", ids)
    assert slinging.convoy == convoy.bead.id


def test_a_batch_with_one_bad_bead_starts_nothing(rigged):
    good, bad, worse = (rigged.file(title).id for title in ("good", "--force", "-x"))
    with pytest.raises(UsageError, match="as its title"):
        list(many(rigged).run([good, bad], "shop"))
    with pytest.raises(ConflictError, match="2 of 3 beads cannot be slung"):
        list(many(rigged).run([good, bad, worse], "shop"))
    assert rigged.bead(good).status == "open"
    assert convoys.list_convoys(rigged.ledger) == []


def test_a_batch_in_which_one_fails_goes_on_with_the_rest(rigged, monkeypatch):
    from gastown_core.town import polecat_worktree

    ids = [rigged.file(str(n)).id for n in range(3)]
    real = polecat_worktree.build

    def fails_once(claimed, planned):
        if ids[1] in planned.branch:
            raise ConflictError("broken")
        return real(claimed, planned)

    monkeypatch.setattr(polecat_worktree, "build", fails_once)
    results = list(many(rigged).run(ids, "shop"))
    assert [(one.ok, one.error) for one in results] == [(True, ""), (False, "broken"), (True, "")]
    monkeypatch.setattr(polecat_worktree, "build", lambda *_: (_ for _ in ()).throw(ConflictError("broken")))
    rest = many(rigged)
    assert [one.ok for one in rest.run([ids[1], rigged.file("other").id], "shop")] == [False, False]
    assert rest.convoy == "" or rest.convoy == convoys.list_convoys(rigged.ledger)[0].bead.id


def test_of_an_epic_the_ready_children_go_and_the_rest_is_tracked(rigged):
    epic = rigged.file("big", issue_type="epic")
    with rigged.ledger.store_for("sh-x").write("x") as batch:
        first = batch.create({"title": "first"}, parent=epic.id).id
        second = batch.create({"title": "second", "dependencies": []}, parent=epic.id).id
        batch.add_edge(second, first)
    slinging = many(rigged)
    results = {one.bead: one for one in slinging.run_bundle(epic)}
    assert results[first].agent and not results[first].waits
    assert results[second].waits and not results[second].agent
    assert set(convoys.member_ids(rigged.bead(slinging.convoy))) == {first, second}


def test_of_a_convoy_the_ready_members_go(rigged):
    ids = [rigged.file(str(n)).id for n in range(2)]
    made = convoys.create_convoy(rigged.root, rigged.ledger, "Mine", ids, owner="x")
    assert [one.ok for one in many(rigged).run_bundle(made)] == [True, True]
    assert [one.bead.id for one in convoys.list_convoys(rigged.ledger)] == [made.id]


@pytest.mark.parametrize(("target", "store"), [("shop", "sh"), ("mayor", "hq"), ("deacon/dogs", "hq")])
def test_a_formula_alone_becomes_a_molecule_on_the_hook(rigged, tidy, target, store):
    sling = FormulaSling(
        rigged.root, SlingRequest("", target, formula="tidy", variables=("where=there",), session=False)
    )
    assert list(sling.run())[-1].final
    root = rigged.bead(sling.result.bead)
    assert root.id.startswith(f"{store}-wisp-") and root.issue_type == "molecule"
    assert (root.status, root.assignee) == ("hooked", sling.result.agent)
    assert rigged.events("sling")[-1]["payload"]["formula"] == "mol-tidy"
    assert convoys.list_convoys(rigged.ledger) == []


def test_a_formula_that_cannot_be_placed_leaves_no_molecule(rigged, tidy, monkeypatch):
    from gastown_core.beads.query import BeadQuery
    from gastown_core.work.sling import allocate

    monkeypatch.setattr(allocate, "append_event", lambda *_, **__: (_ for _ in ()).throw(ConflictError("broken")))
    with pytest.raises(ConflictError, match="broken"):
        list(FormulaSling(rigged.root, SlingRequest("", "shop", formula="tidy", session=False)).run())
    assert not rigged.ledger.store_for("sh-x").find(BeadQuery(types=("molecule",), include_wisps=True))


def test_a_formula_asked_for_must_be_there_and_a_usual_one_only_should(rigged):
    from gastown_core.errors import GastownError

    bead = rigged.file().id
    with pytest.raises(GastownError, match="nonesuch"):
        rigged.sling(bead, formula="nonesuch")
    assert rigged.bead(bead).status == "open"
    write(f"{rigged.root}/shop/settings/config.json", '{"workflow": {"default_formula": "nonesuch"}}')
    result = rigged.sling(bead).result
    assert (result.formula, result.molecule) == ("", "")
    assert "nonesuch" in result.warnings[0]


def test_what_the_sling_said_is_kept_with_the_work(rigged, tidy):
    result = rigged.sling(
        rigged.file().id, formula="tidy", variables=("where=there",), merge="direct", no_merge=True, mode="ralph"
    ).result
    dispatch = rigged.bead(result.bead).raw["metadata"]["dispatch"]
    expected = {"formula": "mol-tidy", "molecule": result.molecule, "vars": {"where": "there"}, "merge": "direct"}
    assert expected.items() <= dispatch.items()
    assert (dispatch["no_merge"], dispatch["mode"], dispatch["by"]) == (True, "ralph", "overseer")
    assert "review_only" not in dispatch


def test_dogs_are_made_up_to_the_pool_and_found_idle_again(rigged):
    from gastown_core.work.hook import hook

    names = [rigged.sling(rigged.file(str(n)).id, "deacon/dogs").result.agent for n in range(4)]
    assert names == [f"deacon/dogs/{name}" for name in ("alpha", "bravo", "charlie", "delta")]
    bead = rigged.file("one more").id
    with pytest.raises(ConflictError, match="all 4 dogs are busy"):
        rigged.sling(bead, "dog:")
    with pytest.raises(ConflictError, match="is already busy"):
        rigged.sling(bead, "dog:bravo")
    held = hook.hooked_work(rigged.ledger, rigged.entry("deacon/dogs/bravo").address, "hq")
    from gastown_core.work.hook.unsling import unsling

    unsling(rigged.root, rigged.ledger, held[0], actor="x")
    assert rigged.sling(bead, "dog:").result.agent == "deacon/dogs/bravo"


@pytest.mark.parametrize(
    "target", ["dog:a b", "dog:Alpha", "deacon/dogs/x/y", "deacon/x", "mayor/x", "crew", "shop/Bad"]
)
def test_further_targets_that_are_none(rigged, target):
    with pytest.raises(UsageError):
        rigged.sling(rigged.file().id, target)


def test_a_crew_member_slings_to_itself(rigged):
    from gastown_core.model.address import Address

    add_crew(rigged.root, "shop", "ana")
    for target in ("crew", ".", ""):
        bead = rigged.file(target or "none").id
        sling = Sling(rigged.root, SlingRequest(bead, target, session=False), me=Address("crew", "shop", "ana"))
        list(sling.run())
        assert sling.result.agent == "shop/crew/ana"


def test_work_that_came_back_goes_to_its_worker_or_on_from_its_branch(rigged):
    from gastown_core.git.repo import Git
    from gastown_core.work.hook.unsling import unsling
    from tests.support.repos import commit_files

    bead = rigged.file()
    first = rigged.sling(bead.id).result
    git = Git(first.worktree, identity=rigged.origin.identity)
    tip = commit_files(git, {"a": "1"}, "half")
    git.run("push", "--quiet", "origin", f"HEAD:refs/heads/{first.branch}")
    unsling(rigged.root, rigged.ledger, rigged.bead(bead.id), actor="x")
    rigged.sling(rigged.file("other").id, first.agent)
    with rigged.ledger.store_for(bead.id).write("shop/refinery") as batch:
        back = {"mr": "sh-mr", "branch": first.branch, "attempt": 1, "failure": "test_login failed\nassert 1 == 2"}
        batch.update(bead.id, {"metadata": {**rigged.bead(bead.id).raw["metadata"], "rework": back}})
    second = rigged.sling(bead.id).result
    assert second.agent != first.agent and second.branch != first.branch
    assert Git(second.worktree).commit_of("HEAD") == tip
    from gastown_core.work.prime import brief

    text = brief(rigged.root, rigged.entry(second.agent)).text
    assert "## Why it came back (attempt 2)" in text and "assert 1 == 2" in text
    assert dispatch_words(rigged.bead(bead.id))["branch"] == second.branch


def test_work_starts_from_the_integration_branch_of_its_epic(rigged):
    rigged.origin.run("branch", "integration/big", "main")
    epic = rigged.file("big", issue_type="epic", metadata={"integration_branch": "integration/big"})
    with rigged.ledger.store_for("sh-x").write("x") as batch:
        child = batch.create({"title": "part"}, parent=epic.id).id
    rigged.sling(child)
    assert rigged.bead(child).raw["metadata"]["dispatch"]["base"] == "integration/big"


def test_a_town_at_its_cap_takes_no_more_but_by_force(rigged):
    import json

    path = f"{rigged.root}/settings/config.json"
    settings = json.load(open(path)) if __import__("os").path.exists(path) else {}
    settings["operational"] = {"polecat": {"max_per_town": 1}}
    write(path, json.dumps(settings))
    rigged.sling(rigged.file("one").id)
    bead = rigged.file("two").id
    with pytest.raises(ConflictError, match="no capacity"):
        rigged.sling(bead)
    assert rigged.sling(bead, force=True).result.agent


def test_a_polecat_branch_follows_the_rigs_template(rigged):
    write(
        f"{rigged.root}/shop/settings/config.json",
        json_of({"polecat_branch_template": "polecat/{name}/{issue}-{description}"}),
    )
    branch = rigged.sling(rigged.file("Fix: the *login* page!").id).result.branch
    name, tail = branch.split("/")[1:]
    assert tail.partition("@")[0].endswith("-fix-the-login-page") and name


def json_of(value):
    import json

    return json.dumps(value)
