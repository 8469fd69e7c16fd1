from __future__ import annotations

import pytest

from gastown_core.errors import ConflictError, UsageError
from gastown_core.messaging.queue import read_nudge, waiting
from gastown_core.work.convoy.acts import close_convoy, land, members_of_epic, unwatch, watch
from gastown_core.work.convoy.landing import check_convoys, land_one, listeners


def check(paper, *beads, **options):
    return check_convoys(paper.root, paper.ledger, beads or None, actor="daemon", clock=paper.clock, **options)


def test_a_convoy_lands_when_its_last_member_of_any_rig_closes(paper):
    one, two = paper.file(), paper.file(rig="billing")
    convoy = paper.convoy("Auth", one, two, notify="mayor/", watchers=["overseer", "shop/polecats/opal"])
    paper.close(one)
    assert check(paper, one) == []
    paper.close(two)
    assert check(paper, two) == [convoy]
    assert check(paper, two) == []
    assert paper.bead(convoy).status == "closed"
    assert paper.events("convoy_landed")[0]["payload"] == {"convoy": convoy, "title": "Auth", "total": 2}
    assert sorted(paper.mail()) == [
        ("mayor/", "🚚 Convoy landed: Auth"),
        ("overseer", "🚚 Convoy landed: Auth"),
        ("shop/opal", "🚚 Convoy landed: Auth"),
    ]


def test_an_agent_that_rests_is_told_of_its_mail_and_nobody_twice(paper):
    one = paper.file()
    convoy = paper.convoy("Auth", one, notify="mayor/", watchers=["overseer", "shop/witness"])
    watch(paper.ledger, convoy, "shop/witness", way="nudge", actor="overseer")
    paper.close(one)
    check(paper, one)
    (waits,) = [read_nudge(path) for path in waiting(paper.root, "hq-mayor")]
    assert "Mail from daemon: 🚚 Convoy landed: Auth" in waits.message
    assert not any("Mail from" in read_nudge(path).message for path in waiting(paper.root, "sh-witness"))
    assert waiting(paper.root, "hq-overseer") == []


def test_each_listener_is_told_once_however_it_is_spelled(paper):
    convoy = paper.convoy("C", owner="mayor", notify="mayor/", watchers=["mayor", "shop/opal", "shop/polecats/opal"])
    assert listeners(paper.bead(convoy)) == ["mayor/", "shop/opal"]
    assert listeners(paper.bead(paper.convoy("D", owner="daemon"))) == []


def test_what_is_never_complete(paper):
    done, gone = paper.file(), paper.file()
    paper.close(done)
    paper.convoy("Empty")
    unknown = paper.convoy("Unknown", done)
    with paper.ledger.store_for(unknown).write("x") as batch:
        batch.add_edge(unknown, "sh-zzzzz", "tracks")
    paper.convoy("Owned", done, owned=True)
    paper.convoy("Staged", done, status="staged_ready")
    deleted = paper.convoy("Deleted", done, gone)
    paper.delete(gone)
    assert check(paper, dry_run=True) == [deleted]
    assert check(paper) == [deleted]


def test_two_convoys_that_share_a_bead_land_together(paper):
    bead, other = paper.file(), paper.file()
    one, two = paper.convoy("One", bead), paper.convoy("Two", bead, other)
    paper.close(bead)
    assert check(paper, bead) == [one]
    paper.close(other)
    assert check(paper, other) == [two]


def test_a_convoy_that_got_more_work_meanwhile_stays_open(paper, monkeypatch):
    from gastown_core.work.convoy import landing

    bead = paper.file()
    convoy = paper.convoy("C", bead)
    paper.close(bead)
    late = paper.file()
    complete = landing._complete

    def slow(*args):
        found = complete(*args)
        with paper.ledger.store_for(convoy).write("x") as batch:
            batch.add_edge(convoy, late, "tracks")
        return found

    monkeypatch.setattr(landing, "_complete", slow)
    assert check(paper) == []
    assert paper.bead(convoy).status == "open" and paper.mail() == []


def test_landing_twice_tells_once(paper):
    bead = paper.file()
    convoy = paper.convoy("C", bead)
    paper.close(bead)
    assert land_one(paper.root, paper.ledger, convoy, actor="x", clock=paper.clock)
    assert not land_one(paper.root, paper.ledger, convoy, actor="x", clock=paper.clock)
    assert len(paper.mail()) == 1


def test_closing_by_hand_wants_force_while_members_are_open(paper):
    bead = paper.file()
    convoy = paper.convoy("C", bead)
    with pytest.raises(ConflictError, match="1 open member"):
        close_convoy(paper.root, paper.ledger, convoy, actor="overseer", clock=paper.clock)
    assert close_convoy(
        paper.root, paper.ledger, convoy, actor="overseer", reason="cut", notify="mayor/", force=True, clock=paper.clock
    )
    assert not close_convoy(paper.root, paper.ledger, convoy, actor="overseer", clock=paper.clock)
    assert paper.bead(bead).status == "open"
    assert sorted(paper.mail()) == [("mayor/", "🚚 Convoy closed: C"), ("overseer", "🚚 Convoy closed: C")]
    assert [event["payload"]["reason"] for event in paper.events("convoy_closed")] == ["cut"]


def test_watching_twice_is_once_and_ends(paper):
    convoy = paper.convoy("C")
    told = [watch(paper.ledger, convoy, text, actor="x").status for text in ("shop/opal", "shop/polecats/opal")]
    assert told == ["subscribed", "already_watching"]
    assert watch(paper.ledger, convoy, "mayor", way="nudge", actor="x") == (convoy, "mayor/", "nudge", "subscribed")
    assert paper.bead(convoy).fields["watchers"] == "shop/opal"
    assert unwatch(paper.ledger, convoy, "shop/opal", actor="x").status == "removed"
    assert unwatch(paper.ledger, convoy, "shop/opal", actor="x").status == "not_watching"
    assert "watchers" not in paper.bead(convoy).fields
    with pytest.raises(UsageError):
        watch(paper.ledger, convoy, "a,b", actor="x")


def test_work_below_an_epic_in_any_depth(paper):
    epic = paper.file("Big", issue_type="epic")
    sub = paper.file("Part", issue_type="epic", parent=epic)
    deep, near = paper.file("deep", parent=sub), paper.file("near", parent=epic)
    paper.file("choice", issue_type="decision", parent=epic)
    assert members_of_epic(paper.ledger, epic) == ("Big", [near, deep])
    with pytest.raises(UsageError, match="not an epic"):
        members_of_epic(paper.ledger, near)


def test_only_owned_convoys_are_landed_by_hand(paper):
    with pytest.raises(UsageError, match="lands by itself"):
        land(paper.root, paper.ledger, paper.convoy("C"), actor="x", clock=paper.clock)
    convoy = paper.convoy("Mine", paper.file(), owned=True)
    with pytest.raises(ConflictError, match="1 open member"):
        land(paper.root, paper.ledger, convoy, actor="x", clock=paper.clock)
    looked = land(paper.root, paper.ledger, convoy, actor="x", dry_run=True, clock=paper.clock)
    assert (looked.done, len(looked.still_open)) == (False, 1)
    assert land(paper.root, paper.ledger, convoy, actor="x", force=True, clock=paper.clock).done
    assert paper.bead(convoy).text("close_reason") == "Landed by owner"
    with pytest.raises(ConflictError, match="landed already"):
        land(paper.root, paper.ledger, convoy, actor="x", clock=paper.clock)


def test_landing_clears_idle_worktrees_and_saves_what_is_only_there(rigged, without_tmux):
    import os

    from gastown_core.git.repo import Git
    from gastown_core.work.convoys import create_convoy

    one, two = rigged.file("one"), rigged.file("two")
    made = create_convoy(rigged.root, rigged.ledger, "Mine", [one.id, two.id], owner="overseer", owned=True)
    slung = [rigged.sling(bead.id).result for bead in (one, two)]
    with open(os.path.join(slung[0].worktree, "new.txt"), "w") as handle:
        handle.write("only here")
    with rigged.ledger.store_for(one.id).write("x") as batch:
        batch.close(one.id, "Merged in sh-mr1", force=True)
    looked = land(rigged.root, rigged.ledger, made.id, actor="overseer", dry_run=True)
    assert [(left.bead, left.files) for left in looked.worktrees] == [(one.id, 1)]
    assert os.path.exists(slung[0].worktree)
    done = land(rigged.root, rigged.ledger, made.id, actor="overseer", force=True)
    assert [left.rescue.startswith("refs/gastown/rescue/") for left in done.worktrees] == [True]
    assert not os.path.exists(slung[0].worktree) and os.path.exists(slung[1].worktree)
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"))
    assert bare.run("show", f"{done.worktrees[0].rescue}:new.txt") == "only here"
