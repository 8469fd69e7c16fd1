"""Single tests that change their mind: told apart from culprits, put in quarantine for a time, never while they are new."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.refinery.flaky_tests import (
    FILE,
    FLIPS,
    doubt,
    establish,
    excused,
    quarantine,
    read_tests,
    release,
    saw,
)
from gastown_core.refinery.quarantine import LABEL
from gastown_core.refinery.report_file import SuiteReport
from tests.support.queued import Queued

GATE = """\
red=; n=0
for one in t-*; do
    n=$((n+1)); ok=ok
    case $(cat "$one") in
        bad) ok="not ok";;
        flaky) key=$(git rev-parse HEAD^{tree})$one; test -e %s/$key || { touch %s/$key; ok="not ok"; };;
        broken) ok="not ok";;
    esac
    test "$ok" = ok || red=1
    echo "$ok $n - $one" >> "$GT_REPORT"
done
echo "1..$n" >> "$GT_REPORT"
test -z "$red" || exit 1
"""


def report(*reds: str, green: int = 3) -> SuiteReport:
    return SuiteReport({**{f"green{number}": True for number in range(green)}, **dict.fromkeys(reds, False)})


def flip(rig: str, test: str, tree: str, at: float = 100.0) -> None:
    saw(rig, "unit", "make", tree, report(test), at)
    saw(rig, "unit", "make", tree, SuiteReport({**report().tests, test: True}), at + 1)


def test_a_test_changes_its_mind_only_beside_a_run_of_the_same_tree_with_as_many_tests(tmp_path: Path) -> None:
    rig = str(tmp_path)
    flip(rig, "net", "t1")
    saw(rig, "unit", "make", "t2", report("net"), 110.0)
    saw(rig, "unit", "make", "t3", report("net"), 120.0)
    saw(rig, "unit", "make", "t3", report(green=9), 121.0)
    [net] = read_tests(rig)
    assert (net.gate, net.test, net.changed, net.reds, net.runs, net.last) == ("unit", "net", 1, 1, 2, 100.0)
    assert net.is_new and doubt([net], "unit", ["net"]) == 0.0
    establish(rig, "unit", ["net", "other"])
    [net] = read_tests(rig)
    assert not net.is_new and doubt([net], "unit", ["net"]) == 0.5 and doubt([net], "unit", ["net", "x"]) == 0.0
    assert doubt([net], "lint", ["net"]) == doubt([net], "unit", []) == 0.0


def test_a_broken_run_a_changed_command_and_a_spoilt_file_say_nothing_of_a_test(tmp_path: Path) -> None:
    rig = str(tmp_path)
    saw(rig, "unit", "make", "t", report(*(f"r{number}" for number in range(51)), green=0), 1.0)
    saw(rig, "unit", "make", "t", report(green=51), 2.0)
    assert not read_tests(rig)
    flip(rig, "net", "t1")
    saw(rig, "unit", "make -j", "t2", report("net"), 3.0)
    assert not read_tests(rig)
    path = tmp_path / FILE
    for text in (
        "{",
        "[]",
        '{"gates": 5}',
        '{"gates": {"unit": {"runs": [5, ["t"]], "known": 3, "quarantine": {"a": 1}}}}',
    ):
        path.write_text(text)
        assert not read_tests(rig) and not excused(read_tests(rig), "unit", ["a"], 1.0)
        flip(rig, "net", "t1")
    assert [one.test for one in read_tests(rig)] == ["net"] or text == "{"
    path.unlink()
    os.mkfifo(path)
    assert not read_tests(rig)
    saw(rig, "unit", "make", "t", report(), 2.0)


def test_what_a_test_did_in_the_second_of_its_release_counts_no_more_and_what_it_does_after_it_counts(
    tmp_path: Path,
) -> None:
    rig = str(tmp_path)
    for number in range(FLIPS):
        for at, is_green in ((100.21, False), (100.64, True)):
            saw(rig, "unit", "make", f"t{number}", SuiteReport({**report().tests, "net": is_green}), at)
    [net] = read_tests(rig)
    assert net.changed == FLIPS
    quarantine(rig, net._replace(since=100.65, until=200.0, bead="sh-1"))
    release(rig, "unit", "net", 100.66)
    assert not read_tests(rig)
    for at, is_green in ((100.67, False), (100.68, True)):
        saw(rig, "unit", "make", "later", SuiteReport({**report().tests, "net": is_green}), at)
    [net] = read_tests(rig)
    assert net.changed == 1 and net.last == 100.67


def merge(queued: Queued, files: dict[str, str]) -> str:
    """Hand in and merge; a request that was red once by chance is taken a second time."""
    queued.bare.run("fetch", "--quiet", "origin")
    made = queued.hand_in(files, parent=queued.tip())
    for _ in range(2):
        queued.process()
    assert made.id in queued.merged()
    return made.id


def landed_flaky(queued: Queued, tmp_path: Path) -> None:
    """The flaky test is on the target, and changed its mind on as many trees as quarantine asks for."""
    queued.gate("mkdir -p out; " + GATE.replace("%s", str(tmp_path)), report="out/report.tap")
    merge(queued, {"t-net": "flaky", "t-steady": "good"})
    for number in range(FLIPS - 1):
        merge(queued, {f"t-other{number}": "good"})


def test_a_test_that_keeps_changing_its_mind_gets_an_issue_and_is_red_without_blame_until_that_is_closed(
    queued: Queued, tmp_path: Path
) -> None:
    landed_flaky(queued, tmp_path)
    [net] = [one for one in read_tests(queued.rig) if one.until]
    assert net.test == "t-net" and not net.is_new and net.until - net.since == 7 * 86400
    issue = queued.bead(net.bead)
    assert LABEL in issue.labels and issue.title == "Flaky test: t-net" and "on 3 trees" in issue.text("description")
    [event] = queued.events("test_quarantined")
    assert event["payload"]["bead"] == net.bead
    assert [(one.test, one.bead) for one in queued.state().quarantined] == [("t-net", net.bead)]
    made = queued.hand_in({"t-more": "good"}, parent=queued.tip())
    [result] = queued.process()
    assert result.merged == (made.id,) and result.runs == 1 and not result.flaky
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.close(net.bead, "mended")
    made = queued.hand_in({"t-again": "good"}, parent=queued.tip())
    [result] = queued.process()
    assert result.merged == (made.id,) and result.runs > 1
    assert queued.events("test_released")[0]["payload"]["reason"] == f"{net.bead} is closed"
    assert not [one for one in read_tests(queued.rig) if one.until] and not queued.state().quarantined


def test_a_culprit_beside_a_test_in_quarantine_is_still_sent_back_and_so_is_a_gate_that_crashed(
    queued: Queued, tmp_path: Path
) -> None:
    landed_flaky(queued, tmp_path)
    bad = queued.hand_in({"t-mine": "bad"}, parent=queued.tip())
    results = queued.process()
    assert [one for result in results for one in result.culprits] == [bad.id] and bad.id not in queued.merged()
    crashing = GATE.replace("%s", str(tmp_path)).replace("|| exit 1", "|| exit 3")
    queued.gate("mkdir -p out; " + crashing, report="out/report.tap")
    crash = queued.hand_in({"t-fine": "good"}, parent=queued.tip())
    [result] = queued.process(once=True)
    assert crash.id not in queued.merged() or result.runs > 1


def test_a_new_test_is_never_excused(queued: Queued, tmp_path: Path) -> None:
    queued.gate("mkdir -p out; " + GATE.replace("%s", str(tmp_path)), report="out/report.tap")
    queued.hand_in({"t-steady": "good"})
    queued.process()
    # the ledger saw it flip on many trees, all of them before it was on the target
    for number in range(FLIPS + 2):
        saw(queued.rig, "check", queued_cmd(queued), f"x{number}", SuiteReport({"t-new": False, "a": True}), 1.0)
        saw(queued.rig, "check", queued_cmd(queued), f"x{number}", SuiteReport({"t-new": True, "a": True}), 2.0)
    made = queued.hand_in({"t-new": "broken"}, parent=queued.tip())
    results = queued.process()
    assert [one for result in results for one in result.culprits] == [made.id] and made.id not in queued.merged()
    [new] = [one for one in read_tests(queued.rig) if one.test == "t-new"]
    assert new.is_new and not new.until and not queued.events("test_quarantined")


def queued_cmd(queued: Queued) -> str:
    from gastown_core.refinery.policy import load_policy

    return load_policy(queued.root, "shop").gates[0].cmd


def test_a_quarantine_ends_with_its_time_and_only_newer_changes_of_mind_begin_another(
    queued: Queued, tmp_path: Path
) -> None:
    landed_flaky(queued, tmp_path)
    [net] = [one for one in read_tests(queued.rig) if one.until]
    clock = FixedClock(net.until + 60)
    queued.hand_in({"t-more": "good"}, parent=queued.tip())
    queued.process(clock=clock)
    assert queued.events("test_released")[0]["payload"]["reason"] == "its time is over"
    assert len(queued.events("test_quarantined")) == 1 and queued.bead(net.bead).status != "closed"
    assert all(one.changed <= 1 for one in read_tests(queued.rig))


def test_without_a_quarantine_time_nothing_is_excused(queued: Queued, tmp_path: Path) -> None:
    queued.settings(quarantine_time="0s")
    landed_flaky(queued, tmp_path)
    assert not queued.events("test_quarantined") and read_tests(queued.rig)[0].changed >= FLIPS


def test_a_red_that_only_known_flaky_tests_explain_is_run_again_before_anything_else(
    queued: Queued, tmp_path: Path
) -> None:
    queued.settings(quarantine_time="0s")
    landed_flaky(queued, tmp_path)
    made = [queued.hand_in({f"t-m{number}": "good"}, parent=queued.tip()).id for number in range(6)]
    [result] = queued.process()
    assert set(result.merged) == set(made) and result.runs == 2 and result.flaky


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", ".git/hooks/x", ".", "a/../../b"])
def test_a_report_outside_the_checkout_is_refused(queued: Queued, path: str) -> None:
    from gastown_core.errors import SettingsError
    from gastown_core.refinery.policy import load_policy

    queued.gate("true", report=path)
    with pytest.raises(SettingsError):
        load_policy(queued.root, "shop")
