from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gastown_core.errors import ConflictError
from gastown_core.model.address import Address, parse_address
from gastown_core.model.metadata import dispatch_words
from gastown_core.work.hook import hook

OPAL, JADE, MAYOR = parse_address("shop/opal"), parse_address("shop/jade"), Address("mayor", "", "")


def test_a_hooked_bead_is_found_again_by_its_holder_alone(rigged):
    bead = rigged.file()
    hook.hook(rigged.ledger, bead.id, OPAL, actor="mayor", dispatch={"by": "mayor", "args": "be quick"})
    held = hook.hooked_work(rigged.ledger, OPAL, "sh")
    assert [(one.id, one.status, one.assignee) for one in held] == [(bead.id, "hooked", "shop/polecats/opal")]
    assert dispatch_words(held[0]) == {"by": "mayor", "args": "be quick"}
    assert hook.hooked_work(rigged.ledger, JADE, "sh") == []


def test_other_spellings_of_the_assignee_are_the_same_agent(rigged):
    bead = rigged.file(assignee="shop/opal", status="hooked")
    town = rigged.ledger.store_for("hq-x")
    with town.write("x") as batch:
        batch.create({"title": "for the mayor", "assignee": "mayor/", "status": "in_progress"})
    assert [one.id for one in hook.hooked_work(rigged.ledger, OPAL, "sh")] == [bead.id]
    assert [one.title for one in hook.hooked_work(rigged.ledger, MAYOR, "hq")] == ["for the mayor"]


def test_a_request_that_the_engine_has_claimed_is_on_nobodys_hook(rigged):
    request = rigged.file("a request", issue_type="merge-request", assignee="shop/refinery", status="in_progress")
    own = rigged.file("read the logs", assignee="shop/refinery", status="in_progress")
    held = hook.hooked_work(rigged.ledger, parse_address("shop/refinery"), "sh")
    assert [one.id for one in held] == [own.id]
    with rigged.ledger.store_for(request.id).write("overseer") as batch:
        batch.update(request.id, {"assignee": "shop/polecats/opal"})
    assert [one.id for one in hook.hooked_work(rigged.ledger, OPAL, "sh")] == [request.id], "a person's claim by hand"


def test_hooking_the_same_bead_again_changes_nothing(rigged):
    bead = rigged.file()
    first = hook.hook(rigged.ledger, bead.id, OPAL, actor="mayor")
    assert hook.hook(rigged.ledger, bead.id, OPAL, actor="mayor").updated_at == first.updated_at


def test_of_many_who_hook_one_bead_one_wins(rigged):
    bead = rigged.file()

    def attempt(name: str) -> str:
        try:
            return hook.hook(rigged.ledger, bead.id, parse_address(f"shop/{name}"), actor=name).assignee
        except ConflictError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        won = [who for who in pool.map(attempt, "abcdefgh") if who]
    assert won == [rigged.bead(bead.id).assignee]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "hooked", "assignee": "shop/polecats/jade"}, "on the hook of shop/polecats/jade"),
        ({"status": "deferred"}, "deferred"),
        ({"status": "in_review", "assignee": "shop/jade"}, "in review"),
    ],
)
def test_work_that_is_not_free_is_refused_by_name_and_taken_by_force(rigged, fields, words):
    bead = rigged.file(**fields)
    with pytest.raises(ConflictError, match=words):
        hook.hook(rigged.ledger, bead.id, OPAL, actor="mayor")
    assert hook.hook(rigged.ledger, bead.id, OPAL, actor="mayor", force=True).assignee == OPAL.path


def test_closed_work_is_refused_even_by_force(rigged):
    bead = rigged.file()
    with rigged.ledger.store_for(bead.id).write("x") as batch:
        batch.close(bead.id)
    with pytest.raises(ConflictError, match="closed"):
        hook.hook(rigged.ledger, bead.id, OPAL, actor="mayor", force=True)


def test_unhooking_opens_the_bead_and_only_its_holder_may(rigged):
    bead = rigged.file()
    hook.hook(rigged.ledger, bead.id, OPAL, actor="mayor")
    with pytest.raises(ConflictError):
        hook.unhook(rigged.ledger, bead.id, actor="x", holder=JADE)
    assert hook.unhook(rigged.ledger, bead.id, actor="x", holder=OPAL) is True
    assert (rigged.bead(bead.id).status, rigged.bead(bead.id).assignee) == ("open", "")
    assert hook.unhook(rigged.ledger, bead.id, actor="x") is False


def test_older_attachment_lines_are_read():
    from gastown_core.model.bead import Bead

    bead = Bead({"id": "x", "description": "attached_formula: mol-polecat-work\ndispatched_by: mayor/\n\nprose"})
    assert dispatch_words(bead) == {"by": "mayor/", "formula": "mol-polecat-work"}
