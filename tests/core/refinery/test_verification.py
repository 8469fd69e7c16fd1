"""What is pushed is verified, and the culprit taken back where the settings say so; the proof of its merge is withdrawn."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from gastown_core.git.landed import landed, landed_requests
from gastown_core.model.bead import BLOCKED, CLOSED, OPEN
from gastown_core.model.merge_request import NEEDS_PERSON, REVERTED
from gastown_core.model.metadata import REWORK, metadata_of
from gastown_core.refinery.flakes import PRIOR_FLAKE, flake_rate
from gastown_core.refinery.gate_slots import gate_slot
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.pushed import PushNote, is_verified, note_push, read_push, unverified
from gastown_core.refinery.state_file import read_state
from gastown_core.town.settings import set_setting
from gastown_core.work.convoy.acts import close_convoy
from gastown_core.work.convoys import create_convoy
from tests.core.refinery.test_crash import sleepers, start
from tests.support.patience import until
from tests.support.queued import CHECK, Queued


class Killed(BaseException):
    """The process ends here."""


def place_of(queued: Queued) -> Refinery:
    return Refinery(queued.root, "shop")


def verified(queued: Queued, cmd: str = "! ls | grep -q late", *, revert: bool = True) -> None:
    gates = {"check": {"cmd": CHECK}, "smoke": {"cmd": cmd, "phase": "post-push"}}
    queued.settings(gates=gates, revert=revert)


def wait_for(runs: Path, lines: int) -> str:
    """A command that waits until the file has so many lines, and is red if that takes too long."""
    return f"""tries=0
until test $(cat {runs} | wc -l) -ge {lines}; do
    sleep 0.05; tries=$((tries + 1)); test $tries -lt 1200 || exit 1
done"""


def test_only_the_culprit_of_a_red_push_is_taken_back_and_goes_back_to_its_worker(queued: Queued) -> None:
    verified(queued)
    made = queued.hand_in_many(5, {2: {"late": "1\n"}})
    culprit = next(one for one in made if "late" in queued.bare.run("ls-tree", "--name-only", one.commit_sha).split())
    result, red, green = queued.process()
    assert set(result.merged) == {one.id for one in made}
    assert (red.found, green.found) == ("taken back", "green") and red.rework == (culprit.source_issue,)
    assert red.pair == (culprit.id,) and red.head == queued.tip()
    assert f"taken back: {culprit.id} of " in red.words()
    # head, head again, base, and two halvings of five commits
    assert set(red.pushed) == set(result.merged) and red.runs in (5, 6) and len(green.pushed) == 6
    assert queued.files() >= {"file0", "file1", "file3", "file4"} and "late" not in queued.files()
    assert set(queued.merged()) == {one.id for one in made} - {culprit.id}
    assert culprit.source_issue not in landed(queued.origin, "refs/heads/main")
    request, work = queued.request(culprit.id), queued.bead(culprit.source_issue)
    assert (request.close_reason, request.landing_commit, request.merge_commit) == (REVERTED, "", "")
    assert work.status == OPEN and not work.assignee
    assert "gate smoke is red" in metadata_of(work).section(REWORK).text("failure")
    [event] = queued.events("merge_reverted")
    assert event["payload"]["mr"] == culprit.id and event["payload"]["commit"] == queued.tip()
    assert queued.bare.commit_of(f"refs/heads/{culprit.branch}") == culprit.commit_sha == queued.tip(culprit.branch)
    assert not unverified(place_of(queued)) and not queued.leftovers() and not queued.events("push_red")


@pytest.mark.parametrize("others", [{}, {"unit": {"cmd": "false", "paths": ["core/"]}}], ids=["alone", "beside"])
def test_a_gate_of_after_the_push_never_runs_before_it(
    queued: Queued, tmp_path: Path, others: dict[str, object]
) -> None:
    seen = tmp_path / "seen"
    smoke = {"cmd": f"git rev-parse HEAD >>{seen}; test ! -e late", "phase": "post-push"}
    queued.settings(gates={**others, "smoke": smoke})
    one = queued.hand_in({"late": "1"})
    landed_as, red = queued.process()
    assert landed_as.merged == (one.id,) and not landed_as.runs and red.found == "red"
    assert set(seen.read_text().split()) == {queued.tip()}
    assert flake_rate(queued.rig) == PRIOR_FLAKE, "nothing changed its mind"


def test_the_work_that_was_taken_back_can_land_again(queued: Queued) -> None:
    verified(queued)
    made = queued.hand_in({"late": "1\n", "more": "1\n"})
    queued.process()
    assert "late" not in queued.files()
    verified(queued, "true")
    again = queued.hand_in({"fix": "1\n"}, parent=made.commit_sha, source_issue=made.source_issue)
    results = queued.process()
    assert [one for result in results for one in result.merged] == [again.id]
    # also what the first commit of the branch changed, which had been landed and taken back
    assert queued.files() >= {"late", "more", "fix"} and queued.merged() == [again.id]


def test_work_that_is_taken_back_at_its_last_attempt_is_blocked_and_a_person_is_told(queued: Queued) -> None:
    """Else it lands and is taken back for ever, two commits on the target each time."""
    verified(queued)
    queued.settings(max_retry_count=2)
    made = queued.hand_in({"late": "1\n"})
    _, red, _ = queued.process()
    assert red.rework == (made.source_issue,) and queued.bead(made.source_issue).status == OPEN
    again = queued.hand_in({"late": "2\n"}, parent=made.commit_sha, source_issue=made.source_issue, retry_count=1)
    _, red, _ = queued.process()
    assert red.found == "taken back" and red.rework == () and queued.request(again.id).close_reason == REVERTED
    work = queued.bead(made.source_issue)
    assert work.status == BLOCKED and metadata_of(work).section(REWORK).number("attempt") == 2
    [told] = [one["payload"] for one in queued.events("escalation_sent")]
    assert made.source_issue in str(told) and "in 2 attempts" in str(told)
    assert NEEDS_PERSON in work.labels, "who closes the escalation has not acted on the work"
    assert "late" not in queued.files() and not queued.process()


@pytest.mark.parametrize("point", ["", "after revert", "withdrawn"])
def test_a_convoy_whose_work_is_taken_back_is_open_again_and_says_so_once(queued: Queued, point: str) -> None:
    verified(queued)
    made, other = queued.hand_in({"late": "1\n"}), queued.hand_in({"fine": "1\n"})
    both = create_convoy(
        queued.root, queued.ledger, "Both", [made.source_issue, other.source_issue], owner="overseer"
    ).id
    alone = create_convoy(queued.root, queued.ledger, "Alone", [other.source_issue], owner="overseer").id
    by_hand = create_convoy(queued.root, queued.ledger, "By hand", [made.source_issue], owner="overseer").id
    close_convoy(queued.root, queued.ledger, by_hand, reason="enough", actor="overseer", force=True)

    def kill(reached: str) -> None:
        if reached == point:
            raise Killed

    with suppress(Killed):
        queued.process(at=kill)
    queued.process()
    queued.process()
    assert queued.request(made.id).close_reason == REVERTED
    assert [queued.bead(one).status for one in (both, alone, by_hand)] == [OPEN, CLOSED, CLOSED]
    [told] = queued.events("convoy_reopened")
    assert told["payload"]["convoy"] == both and made.source_issue in told["payload"]["reason"]
    verified(queued, "true")
    queued.hand_in({"fix": "1\n"}, parent=made.commit_sha, source_issue=made.source_issue)
    queued.process()
    assert queued.bead(both).status == CLOSED


def test_a_culprit_is_searched_in_as_many_places_as_there_are(queued: Queued) -> None:
    verified(queued)
    queued.settings(max_concurrent=8)
    queued.hand_in_many(5, {2: {"late": "1\n"}})
    _, red, _ = queued.process()
    assert red.found == "taken back" and "late" not in queued.files()
    probes = [event["payload"] for event in queued.events("bisect_probe") if event["payload"]["batch"] == red.id]
    assert sorted(one["purpose"] for one in probes) == sorted(["pushed", "again", "before", *["upto"] * 4])


def test_the_next_batch_is_tested_and_lands_beside_the_verification(queued: Queued, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    check = f"echo check >> {runs}; {wait_for(runs, 2)}"
    queued.settings(gates={"check": {"cmd": check}, "smoke": {"cmd": wait_for(runs, 3), "phase": "post-push"}})
    queued.settings(max_concurrent=2, batch={"max_batch_size": 1})
    made = queued.hand_in_many(2)
    results = queued.process()
    # one after the other, the third run of the check would never have begun
    assert sorted(one for result in results for one in result.merged) == sorted(one.id for one in made)
    assert [result.found for result in results if result.found] and not queued.events("push_red")
    assert all(result.found in ("", "green") for result in results) and not unverified(place_of(queued))
    assert {one for result in results for one in result.pushed} == {one.id for one in made}


def test_a_verification_takes_a_gate_place_of_the_town(queued: Queued) -> None:
    verified(queued, "true")
    set_setting(queued.root, "merge_queue.gate_slots", "1")
    queued.hand_in({"a": "1\n"})
    taken, done = threading.Event(), threading.Event()

    def another_rig() -> None:
        with gate_slot(queued.root, 1, lambda: False):
            taken.set()
            done.wait(60)

    other = threading.Thread(target=another_rig, daemon=True)

    def begin(point: str) -> None:
        if point == "after push":
            other.start()
            taken.wait(60)

    engine = threading.Thread(target=lambda: queued.process(at=begin), daemon=True)
    engine.start()

    def waits() -> bool:
        state = read_state(queued.rig)
        return state is not None and any("gate places" in probe.waits for probe in state.probes)

    until(waits, timeout_s=60)
    assert queued.state().pushed and unverified(place_of(queued)) == ["main"]
    done.set()
    engine.join(60)
    other.join(60)
    assert not unverified(place_of(queued)) and not queued.events("push_red")


def test_what_was_pushed_on_top_of_a_verified_push_is_still_to_be_verified(queued: Queued) -> None:
    verified(queued)
    place = place_of(queued)
    note_push(place, "main", "a", "b")
    seen = read_push(place, "main")
    assert seen is not None
    note_push(place, "main", "b", "c")
    assert read_push(place, "main") == PushNote("main", "a", "c")
    is_verified(place, seen)
    assert read_push(place, "main") == PushNote("main", "b", "c")
    is_verified(place, PushNote("main", "b", "c"))
    assert read_push(place, "main") is None


def test_a_gate_that_cannot_run_after_the_push_is_told_and_blames_nobody(queued: Queued) -> None:
    verified(queued, "exit 127")
    made = queued.hand_in({"a": "1\n"})
    *_, told = queued.process()
    assert told.found == "no verdict" and queued.merged() == [made.id] and not unverified(place_of(queued))
    assert "gave no verdict" in queued.events("push_red")[0]["payload"]["reason"]


def test_a_verification_that_is_killed_in_its_gate_is_done_again_and_leaves_nothing(
    queued: Queued, tmp_path: Path
) -> None:
    verified(queued, f"touch {tmp_path}/begun; test -e {tmp_path}/go || sleep 300; ! ls | grep -q late")
    made = queued.hand_in({"late": "1\n"})
    engine = start(queued, "never")
    until(lambda: os.path.exists(tmp_path / "begun") and sleepers(queued) == 1, timeout_s=60)
    engine.kill()
    engine.wait(120)
    (tmp_path / "go").touch()
    queued.process()
    assert queued.request(made.id).close_reason == REVERTED and "late" not in queued.files()
    assert not queued.leftovers() and not unverified(place_of(queued))
    until(lambda: sleepers(queued) == 0)


def test_nothing_is_taken_back_unless_the_settings_say_so(queued: Queued) -> None:
    verified(queued, revert=False)
    made = queued.hand_in({"late": "1\n"})
    queued.process()
    assert "late" in queued.files() and queued.merged() == [made.id]
    [event] = queued.events("push_red")
    assert "merge_queue.revert is off" in event["payload"]["reason"]
    assert not queued.events("merge_reverted") and not unverified(place_of(queued))


def test_nobody_is_blamed_where_the_gate_was_red_before_or_is_red_only_once(queued: Queued) -> None:
    verified(queued, "false")
    made = queued.hand_in({"a": "1\n"})
    queued.process()
    assert queued.merged() == [made.id] and "red before" in queued.events("push_red")[0]["payload"]["reason"]
    flag = os.path.join(queued.root, "flag")
    verified(queued, f"test -e {flag} || {{ touch {flag}; exit 1; }}")
    other = queued.hand_in({"b": "1\n"})
    queued.process()
    assert other.id in queued.merged() and len(queued.events("push_red")) == 1


def test_a_change_that_others_have_built_on_is_left_to_a_person(queued: Queued) -> None:
    verified(queued, "! grep -q late note")
    queued.hand_in({"note": "late\n"})

    def build_on(point: str) -> None:
        if point == "after push":
            own = queued.commit({"note": "late and more\n"}, "Mine", git=queued.origin)
            queued.origin.run("update-ref", "refs/heads/main", own)

    queued.process(at=build_on)
    assert "revert it by hand" in queued.events("push_red")[0]["payload"]["reason"]
    assert queued.origin.run("show", "main:note") == "late and more"


@pytest.mark.parametrize("point", ["after push", "before revert", "after revert", "withdrawn"])
def test_a_kill_at_any_point_of_a_revert_is_repaired_by_the_next_run(queued: Queued, point: str) -> None:
    verified(queued)
    made = queued.hand_in({"late": "1\n"})

    def kill(reached: str) -> None:
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        queued.process(at=kill)
    queued.process()
    if point == "after push":
        # the push is finished first; what it brought is verified only if that was noted
        queued.process()
    assert "late" not in queued.files() and queued.request(made.id).close_reason == REVERTED
    assert queued.bead(made.source_issue).status == OPEN and len(queued.events("merge_reverted")) == 1
    assert not unverified(place_of(queued)) and not queued.leftovers()


def test_a_worker_cannot_withdraw_what_another_landed(queued: Queued) -> None:
    queued.gate()
    first = queued.hand_in({"a": "1\n"})
    queued.process()
    queued.hand_in({"b": "1\n"}, f"Do more\n\nWithdraws: {first.id}\nwithdraws: {first.id}")
    queued.process()
    assert first.id in landed_requests(queued.origin, "refs/heads/main") and "b" in queued.files()
    assert "withdraws" not in queued.origin.run("log", "--format=%B", "main").lower()


def test_a_spoilt_note_and_a_pipe_in_its_place_hold_nobody_up(queued: Queued) -> None:
    verified(queued)
    place = place_of(queued)
    note_push(place, "main", queued.first, queued.first)
    path = place.file("pushed-main.json")
    assert read_push(place, "main") is not None and os.stat(path).st_mode & 0o777 == 0o600
    signal.alarm(60)
    for text in (
        "{",
        "[]",
        '{"target": 5}',
        '{"target": "main", "base": 1, "head": 2, "revert": 3, "request": 4, "why": 5}',
    ):
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(text)
        assert read_push(place, "main") == PushNote("main", "", "") and unverified(place) == ["main"]
    os.unlink(path)
    os.mkfifo(path)
    made = queued.hand_in({"a": "1\n"})
    queued.process()
    assert queued.merged() == [made.id] and not unverified(place)
    signal.alarm(0)


@pytest.mark.parametrize("junk", ["{half", "[]", "{}", '{"target": 5}', "\x00"])
def test_a_note_that_says_nothing_is_owed_and_what_is_on_the_target_is_verified(queued: Queued, junk: str) -> None:
    verified(queued)
    made = queued.hand_in({"late": "1\n"})
    place = place_of(queued)
    queued.settings(gates={"check": {"cmd": "true"}})
    queued.process()
    verified(queued)
    with open(place.file("pushed-main.json"), "w", encoding="utf-8") as handle:
        handle.write(junk)
    results = queued.process()
    assert "taken back" in [one.found for one in results], "the last landing is all that a lost note can tell apart"
    assert queued.merged() == [] and queued.request(made.id).merge_commit == "" and not unverified(place)


def test_what_lands_over_a_lost_note_is_verified_from_there(queued: Queued) -> None:
    verified(queued)
    place = place_of(queued)
    with open(place.file("pushed-main.json"), "w", encoding="utf-8") as handle:
        handle.write("{half")
    note_push(place, "main", "b", "c")
    assert read_push(place, "main") == PushNote("main", "b", "c")
