"""On real repositories: what goes back to whom when the target is red, the surroundings die, or a gate hangs."""

from __future__ import annotations

from pathlib import Path

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.model.merge_request import MergeRequest
from tests.support.queued import CHECK, Queued


def break_main(queued: Queued, files: dict[str, str] | None = None) -> None:
    commit = queued.commit(files or {"bad": "1"}, "Break main", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", commit)


def mends(queued: Queued, **facts: object) -> MergeRequest:
    """A request that takes the bad file away."""
    made = queued.hand_in({"mended": "1"}, **facts)
    tree = queued.origin.run("rev-parse", f"{queued.first}^{{tree}}")
    commit = queued.origin.run("commit-tree", tree, "-p", queued.tip(), "-m", "Mend main")
    queued.origin.run("update-ref", f"refs/heads/{made.branch}", commit)
    from gastown_core.model.merge_request import with_facts

    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        bead = batch.get(made.id)
        assert bead is not None
        batch.update(made.id, {"metadata": with_facts(bead, commit_sha=commit)})
    return queued.request(made.id)


def test_a_service_that_dies_after_a_green_batch_blames_none_of_five(queued: Queued, tmp_path: Path) -> None:
    service = tmp_path / "service"
    service.touch()
    queued.gate(f"test -e {service} || {{ echo no service; exit 1; }}")
    queued.hand_in_many(2)
    assert len(queued.process()[0].merged) == 2
    service.unlink()
    requests = queued.hand_in_many(5, {number: {f"later{number}": "1"} for number in range(5)})
    [result] = queued.process()
    assert not result.culprits and "so its environment has changed" in result.hold
    for request in requests:
        assert queued.bead(request.source_issue).status == "in_review" and queued.request(request.id).status == "open"
    assert [event["payload"]["kind"] for event in queued.events("queue_held")] == ["environment"]
    assert not queued.events("merge_failed")
    service.touch()
    [again] = queued.process(clock=FixedClock(SYSTEM_CLOCK.now() + 31))
    assert len(again.merged) == 5 and [event["payload"]["kind"] for event in queued.events("queue_released")] == [
        "environment"
    ]


def test_a_service_that_dies_while_a_batch_is_taken_apart_blames_nobody(queued: Queued, tmp_path: Path) -> None:
    """Something was green on the target already when the service went."""
    count = tmp_path / "count"
    queued.gate(f"""echo x >> {count}
test $(wc -l < {count}) -le 2 || {{ echo no service; exit 1; }}
{CHECK}""")
    requests = [queued.hand_in({"bad" if one == 4 else f"file{one}": "1"}, priority=one) for one in range(5)]
    first, *_, last = queued.process()
    assert first.merged == (requests[0].id, requests[1].id) and not first.culprits and not last.culprits
    assert "it was green with requests on it at" in first.hold and "so its environment has changed" in last.hold
    assert [event["payload"]["kind"] for event in queued.events("queue_held")] == ["environment"]
    assert all(queued.bead(one.source_issue).status == "in_review" for one in requests[2:])
    assert not queued.leftovers()


def test_the_cure_of_a_red_target_is_found_behind_a_full_batch_and_all_others_land_after_it(queued: Queued) -> None:
    queued.settings(batch={"max_batch_size": 5})
    queued.gate()
    break_main(queued)
    others = [queued.hand_in({f"file{number}": "1"}, priority=1) for number in range(5)]
    cure = mends(queued, priority=3)
    results = queued.process()
    landed = [one for result in results for one in result.merged]
    assert landed[0] == cure.id and set(landed) == {cure.id, *(one.id for one in others)}
    assert not any(result.culprits for result in results)
    assert [event["type"] for event in queued.events("queue_held", "queue_released")] == [
        "queue_held",
        "queue_released",
    ]


def test_the_cure_that_shares_its_batch_with_a_culprit_lands_first_and_then_the_culprit_goes_back(
    queued: Queued,
) -> None:
    queued.gate()
    break_main(queued)
    wrong = queued.hand_in({"bad2": "1"}, priority=0)
    cure = mends(queued, priority=1)
    other = queued.hand_in({"other": "1"}, priority=2)
    first, second = queued.process()
    assert first.merged == (cure.id,) and not first.culprits and not first.hold
    assert set(first.held) == {wrong.id, other.id}
    reasons = [event["payload"]["reason"] for event in queued.events("merge_skipped")]
    assert reasons == [f"main is red by itself; {cure.id} makes it green and lands first"] * 2
    assert second.merged == (other.id,) and second.culprits == (wrong.id,)
    assert not queued.events("queue_held"), "nobody has to be told of what is over"


def test_a_cure_that_comes_later_is_tried_at_once(queued: Queued) -> None:
    queued.gate()
    break_main(queued)
    other = queued.hand_in({"other": "1"})
    assert "red by itself" in queued.process()[0].hold
    assert queued.process() == []
    cure = mends(queued)
    [result] = queued.process()
    assert result.merged == (cure.id, other.id) and result.runs == 1


def test_a_target_that_stays_red_costs_one_run_a_look_once_everything_was_tried(queued: Queued) -> None:
    queued.gate()
    break_main(queued)
    queued.hand_in_many(2)
    clock = FixedClock(SYSTEM_CLOCK.now())
    runs = []
    for _ in range(4):
        [result] = queued.process(clock=clock)
        runs.append(result.runs)
        assert queued.process(clock=clock) == []
        clock.advance(601)
    assert runs == [5, 4, 1, 1]


def test_a_hanging_request_goes_back_after_its_second_time_out_and_the_others_land(queued: Queued) -> None:
    # long enough for what does not hang on a busy machine
    queued.gate("if test -e hang; then sleep 60; fi", timeout="3s")
    hanging = queued.hand_in({"hang": "1"}, priority=0)
    others = [queued.hand_in({f"file{number}": "1"}) for number in range(2)]
    [result] = queued.process()
    assert result.culprits == (hanging.id,) and set(result.merged) == {one.id for one in others}
    rework = queued.bead(hanging.source_issue).raw["metadata"]["rework"]
    assert "gate check gives no verdict (took longer than 3 s)" in rework["failure"]
    assert queued.process() == []


def test_a_request_that_takes_the_gates_program_away_goes_back(queued: Queued) -> None:
    break_main(queued, {"check.sh": "exit 0\n"})
    queued.gate("test -e gone && exec ./no-such-program; sh check.sh")
    wrong = queued.hand_in({"gone": "1"}, priority=0)
    other = queued.hand_in({"other": "1"})
    [result] = queued.process()
    assert result.culprits == (wrong.id,) and result.merged == (other.id,)


def test_an_unlucky_whole_and_an_unlucky_pair_blame_nobody(queued: Queued, tmp_path: Path) -> None:
    """Red as a whole and as a part by chance; taken apart further, every part is green."""
    count = tmp_path / "count"
    queued.gate(f"echo x >> {count}; test $(wc -l < {count}) -gt 2 || exit 1")
    requests = queued.hand_in_many(4)
    results = queued.process()
    assert not any(result.culprits for result in results) and any(result.flaky for result in results)
    assert all(queued.bead(one.source_issue).is_closed for one in requests)


def test_a_suspect_that_passes_alone_and_with_its_peer_stays_in_the_queue(queued: Queued, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    first = queued.hand_in({"pair-a": "1"}, priority=0)
    second = queued.hand_in({"pair-b": "1"}, priority=1)
    third = queued.hand_in({"third": "1"}, priority=2)
    # the two together are unlucky until it was looked for with whom
    queued.gate(f"""test -e pair-a && test -e pair-b || exit 0
echo x >> {seen}; test $(wc -l < {seen}) -gt 3 || exit 1""")
    [result, *more] = queued.process()
    assert not result.culprits and not more[-1].hold
    assert second.id in result.held and set(result.merged) == {first.id, third.id}
    assert "no request is at fault" in [event["payload"]["reason"] for event in queued.events("merge_skipped")][0]
    assert [one for batch in more for one in batch.merged] == [second.id]


def test_a_pair_sent_back_names_the_peer_it_failed_with_three_times(queued: Queued) -> None:
    queued.gate()
    first = queued.hand_in({"pair-a": "1"}, priority=0)
    queued.hand_in({"x": "1"}, priority=1)
    second = queued.hand_in({"pair-b": "1"}, priority=2)
    [result] = queued.process()
    assert result.culprits == (second.id,)
    probes = [probe for probe in queued.state().probes if probe.requests == (first.id, second.id)]
    assert [probe.result for probe in probes] == ["fail"] * 3


def test_a_rig_whose_gates_were_unlucky_lately_confirms_more_often(queued: Queued, tmp_path: Path) -> None:
    count = tmp_path / "count"
    queued.gate(f"echo x >> {count}; test $(wc -l < {count}) -gt 1 || exit 1; test ! -e bad")
    queued.hand_in({"fine": "1"})
    assert queued.process()[0].flaky
    queued.hand_in({"bad": "1"})
    [result] = queued.process()
    assert len(result.culprits) == 1
    assert [probe.purpose for probe in queued.state().probes].count("again") == 2
