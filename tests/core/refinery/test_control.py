"""What a person controls: approval of a commit, gates in stages, branches that move together, and the kind of a hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.attention.look import attention
from gastown_core.errors import ConflictError, SettingsError
from gastown_core.model.bead import IN_REVIEW
from gastown_core.model.merge_request import with_facts
from gastown_core.model.refinery import FROZEN, RED_TARGET
from gastown_core.orders.perform import command_of
from gastown_core.orders.registry import BY_ID, disabled_reason, order_for
from gastown_core.refinery import freeze
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.hold import INFRASTRUCTURE
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.policy import load_policy
from gastown_core.refinery.requests import approve, withdraw_approval
from gastown_core.state.collect import collect
from tests.support.queued import Queued


def place_of(queued: Queued) -> Refinery:
    return Refinery(queued.root, "shop")


def why_blocked(queued: Queued) -> str:
    [(_, why)] = RefineryEngine(place_of(queued)).queue().blocked
    return why


# -- approval ----------------------------------------------------------------------------------------------


def test_only_the_commit_that_was_approved_is_merged(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    made = queued.hand_in({"a": "1"})
    assert not queued.process() and "waits for somebody to approve" in why_blocked(queued)
    approve(place_of(queued), made.id, actor="overseer", commit=made.commit_sha[:10].upper())
    [event] = queued.events("mr_approved")
    assert event["payload"]["commit"] == made.commit_sha
    # another commit is handed in with the same request
    other = queued.commit({"a": "2"}, "Not read by anybody")
    with place_of(queued).store.write("overseer") as batch:
        batch.update(made.id, {"metadata": with_facts(batch.need(made.id), commit_sha=other)})
    assert not queued.process() and "overseer approved" in why_blocked(queued) and other[:12] in why_blocked(queued)
    approve(place_of(queued), made.branch, actor="overseer")
    [result] = queued.process()
    assert result.merged == (made.id,)


def test_a_commit_that_changes_while_it_is_tested_is_not_covered_by_the_approval(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    made = queued.hand_in({"a": "1"})
    approve(place_of(queued), made.id, actor="overseer")

    def withdraw(point: str) -> None:
        if point == "judged":
            with place_of(queued).store.write("overseer") as batch:
                batch.update(made.id, {"metadata": with_facts(batch.need(made.id), approved="0" * 40)})

    queued.process(at=withdraw)
    assert made.id not in queued.merged() and queued.bead(made.source_issue).status == IN_REVIEW


def test_nobody_approves_work_of_their_own_or_a_commit_that_they_did_not_read(queued: Queued) -> None:
    made = queued.hand_in({"a": "1"}, worker="opal")
    for actor in ("shop/polecats/opal", "shop/opal", "shop/crew/opal"):
        with pytest.raises(ConflictError, match="cannot approve"):
            approve(place_of(queued), made.id, actor=actor)
    for commit in ("deadbeef", "$(x)", "\x1b[2J", made.commit_sha + "0"):
        with pytest.raises(ConflictError, match="hands in"):
            approve(place_of(queued), made.id, actor="overseer", commit=commit)
    assert not queued.request(made.id).approved


def test_a_withdrawn_approval_takes_the_request_out_of_its_batch(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    made = queued.hand_in({"a": "1"})
    approve(place_of(queued), made.id, actor="overseer")
    approve(place_of(queued), made.id, actor="mayor")
    assert queued.request(made.id).approved_by == "overseer" and len(queued.events("mr_approved")) == 1

    def withdraw(point: str) -> None:
        if point == "judged":
            withdraw_approval(place_of(queued), made.branch, actor="mayor")

    queued.process(at=withdraw)
    assert not queued.merged() and "waits for somebody to approve" in why_blocked(queued)
    [event] = queued.events("mr_unapproved")
    assert event["payload"]["commit"] == made.commit_sha and event["actor"] == "mayor"
    with pytest.raises(ConflictError, match="not approved"):
        withdraw_approval(place_of(queued), made.id, actor="mayor")


def test_what_is_being_pushed_keeps_its_approval(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    made = queued.hand_in({"a": "1"})
    approve(place_of(queued), made.id, actor="overseer")
    said = []

    def withdraw(point: str) -> None:
        if point == "before push":
            with pytest.raises(ConflictError, match="is being pushed"):
                withdraw_approval(place_of(queued), made.id, actor="overseer")
            said.append(point)

    [result] = queued.process(at=withdraw)
    assert said and result.merged == (made.id,)


def test_every_face_sees_that_a_request_waits_for_approval(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    made = queued.hand_in({"a": "1"}, title="Cart total\x1b[31m\n")
    assert not queued.process()
    town = collect(queued.root)
    [view] = town.requests
    assert (view.state, view.awaits_approval, view.commit) == ("blocked", True, made.commit_sha)
    [row] = [one for one in attention(town) if one.kind == "approval"]
    assert row.bead == made.id and row.orders[0] == "mq.approve" and made.commit_sha[:12] in row.question
    kind = BY_ID["mq.approve"]
    assert not disabled_reason(kind, town, view) and "nobody" in disabled_reason(BY_ID["mq.withdraw"], town, view)
    assert command_of(order_for(kind, view)) == ["mq", "approve", "shop", made.id, "--commit", made.commit_sha]
    approve(place_of(queued), made.id, actor="overseer")
    town = collect(queued.root)
    [view] = town.requests
    assert (view.state, view.awaits_approval, view.approved_by) == ("queued", False, "overseer")
    assert not [one for one in attention(town) if one.kind == "approval"]
    assert disabled_reason(kind, town, view) == "overseer approved it" and not disabled_reason(
        BY_ID["mq.withdraw"], town, view
    )


def test_the_faces_follow_the_setting_with_the_engines_next_look(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    queued.hand_in({"a": "1"})
    queued.process()
    queued.settings(needs_approval=False)
    assert queued.process() and not queued.state().needs_approval
    queued.settings(needs_approval=True)
    queued.process()
    assert queued.state().needs_approval and queued.state().last
    freeze.freeze(place_of(queued), "", actor="overseer")
    queued.process()
    queued.settings(needs_approval=False)
    queued.process()
    assert not queued.state().needs_approval


# -- gates in stages ---------------------------------------------------------------------------------------


def test_slow_gates_run_only_where_the_fast_ones_are_green(queued: Queued, tmp_path: Path) -> None:
    log = tmp_path / "log"
    gates = {
        "slow": {"cmd": f"echo slow >> {log}"},
        "lint": {"cmd": f"echo lint >> {log}; test ! -e bad", "phase": "fast"},
        "last": {"cmd": f"echo last >> {log}", "phase": "post-squash"},
    }
    queued.settings(gates=gates)
    queued.hand_in({"a": "1"})
    queued.process()
    assert log.read_text().split() == ["lint", "slow", "last"]
    log.write_text("")
    bad = queued.hand_in({"bad": "1"})
    [result] = queued.process()
    # the bare target is tested, too, to know that it is not at fault
    assert result.culprits == (bad.id,) and log.read_text().split().count("slow") <= 1 < result.runs
    queued.settings(gates={"lint": {"cmd": "true", "phase": "quick"}})
    with pytest.raises(SettingsError, match="phase"):
        load_policy(queued.root, "shop")


# -- several branches at once ------------------------------------------------------------------------------


def test_branches_of_the_settings_move_with_the_default_branch_or_nothing_moves(queued: Queued) -> None:
    queued.gate()
    queued.settings(also_push=["stable", "main", "deploy/eu"])
    made = queued.hand_in({"a": "1"})
    [result] = queued.process()
    assert result.merged == (made.id,)
    assert queued.tip() == queued.tip("stable") == queued.tip("deploy/eu")
    # somebody puts something of their own on one of them
    own = queued.commit({"b": "1"}, "Mine", parent=queued.tip("stable"), git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/stable", own)
    before = queued.tip()
    late = queued.hand_in({"c": "1"})
    [result] = queued.process()
    assert not result.merged and queued.state().hold_kind == INFRASTRUCTURE
    assert (
        result.hold.startswith("stable cannot follow main: it has commits that main lacks")
        and ":refs/" not in result.hold
    )
    assert "leave stable out of merge_queue.also_push" in result.hold
    assert queued.tip() == queued.tip("deploy/eu") == before and queued.tip("stable") == own
    assert queued.bead(late.id).status == "open" and not queued.leftovers()


@pytest.mark.parametrize("name", ["--force", "+main", "a b", "a..b", "a:b", "\x1b[2J", "refs/heads/", "x\ny"])
def test_what_is_no_name_of_a_branch_is_refused(queued: Queued, name: str) -> None:
    queued.settings(also_push=[name])
    with pytest.raises(SettingsError):
        load_policy(queued.root, "shop")


# -- the kind of a hold ------------------------------------------------------------------------------------


def test_the_state_file_names_the_kind_of_a_hold(queued: Queued) -> None:
    queued.gate("false")
    queued.hand_in({"a": "1"})
    queued.process()
    assert queued.state().hold_kind == RED_TARGET
    queued.process()
    assert queued.state().hold_kind == RED_TARGET
    freeze.freeze(place_of(queued), "red flags", actor="overseer")
    queued.process()
    assert queued.state().hold_kind == FROZEN
    freeze.thaw(place_of(queued), actor="overseer")
    queued.gate("true")
    queued.process()
    assert queued.state().hold_kind == "" and queued.state().phase == "idle"


def test_the_state_says_why_batches_run_one_after_the_other(queued: Queued) -> None:
    queued.gate()
    queued.settings(max_concurrent=2)
    queued.hand_in({"a": "1"})
    said = []
    queued.process(once=True, at=lambda point: said.append(queued.state().alone) if point == "judged" else None)
    queued.hand_in({"b": "1"})
    queued.process(at=lambda point: said.append(queued.state().alone) if point == "judged" else None)
    assert said == ["only one batch was asked for", ""]
