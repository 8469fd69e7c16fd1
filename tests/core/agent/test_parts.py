import os
import stat
import subprocess

import pytest

from gastown_agent.faults import add_fault
from gastown_agent.identity import read_identity, role_word
from gastown_agent.loop import answer_in
from gastown_agent.mood import BREAKS, MOODS, SLIPS, mood_of
from gastown_agent.plan import DEFAULT_STEPS, Plan, do_step, line_for, plan_for
from gastown_agent.terminal import Parser, Terminal
from gastown_agent.town_commands import Assignment, parse_hook
from tests.support.repos import make_repo


def kinds(data, *more):
    parser = Parser()
    found = parser.feed(data)
    for piece in more:
        found += parser.feed(piece)
    return [(given.kind, given.text) for given in found]


def test_a_paste_is_one_text_however_it_is_cut():
    data = "\x1b[200~a;\n\tb é漢\x1b[201~\r".encode()
    whole = [("paste", "a;\n\tb é漢"), ("submit", "")]
    assert kinds(data) == whole
    for cut in range(1, len(data)):
        # a lone Escape at a cut is a key: terminals send sequences in one piece
        if data[cut - 1 : cut] != b"\x1b":
            assert kinds(data[:cut], data[cut:]) == whole, cut


def test_keys_are_told_from_sequences():
    assert kinds(b"ab\x7f\x1b[5~\x1bOP1\x03\x04") == [
        ("text", "ab"),
        ("erase", ""),
        ("text", "1"),
        ("interrupt", ""),
        ("end", ""),
    ]
    assert kinds(b"\x1b") == [("escape", "")]
    assert kinds(b"\x1b[A\x1bOB") == [("up", ""), ("down", "")]
    assert kinds("é".encode()[:1], "é".encode()[1:]) == [("text", "é")]


@pytest.mark.parametrize("mood", MOODS)
def test_a_bead_sets_the_mood_by_label_or_by_line(mood):
    assert mood_of((f"mood:{mood}",), "") == mood
    assert mood_of((), f"prose\nmood: {mood}\n") == mood
    assert mood_of((), "", mood) == mood


def test_a_label_wins_over_a_line_and_an_unknown_mood_is_passed_over():
    assert mood_of(("mood:angry", "mood:slow"), "mood: crash") == "slow"
    assert mood_of(("mood:angry",), "in a mood: none") == "steady"


@pytest.mark.parametrize(
    ("actor", "role"),
    [
        ("mayor", "mayor"),
        ("shop/witness", "witness"),
        ("shop/crew/ana", "crew"),
        ("shop/polecats/opal", "polecat"),
        ("deacon/boot", "boot"),
    ],
)
def test_the_role_is_read_from_the_address(actor, role):
    assert role_word(actor) == role


def test_odd_settings_fall_back():
    identity = read_identity({"GT_ROLE": "mayor", "GT_SCRIPT_PACE": "fast", "GT_SCRIPT_LIMIT": "-3"})
    assert (identity.pace_s, identity.limit_s, identity.patrol_s) == (2.0, 0.0, 0.0)


def work(description="", bead="gt-1"):
    return Assignment(bead, "A title", description, (), "hooked")


def test_steps_come_from_the_list_in_the_description_else_the_usual_ones():
    listed = plan_for(work("Do this:\n- [ ] first\n- second\n3. third\nfile: src/a.py, docs/b.md"))
    assert listed.steps == ("first", "second", "third")
    assert listed.files == ("src/a.py", "docs/b.md")
    assert plan_for(work("- only one")).steps == DEFAULT_STEPS
    assert plan_for(work()).files == ("changes/gt-1.md",)


def test_files_outside_the_worktree_are_not_taken():
    assert plan_for(work("file: ../../etc/passwd, /etc/passwd, .git/config")).files == ("changes/gt-1.md",)


def test_a_step_is_a_real_edit_and_a_real_commit_of_that_file_alone(tmp_path):
    def git(*words):
        return subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("config", "user.name", "opal")
    git("config", "user.email", "opal@example.org")
    (tmp_path / "other.txt").write_text("someone else's")
    git("add", "other.txt")
    plan = plan_for(work("- one; rm -rf\n- `two`\nfile: src/a.py"))
    assert do_step(plan, 0, str(tmp_path)) == "src/a.py"
    assert do_step(plan, 1, str(tmp_path)) == "src/a.py"
    assert (tmp_path / "src/a.py").read_text() == "# gt-1: one; rm -rf\n# gt-1: `two`\n"
    assert git("log", "--format=%s").splitlines() == ["`two` (gt-1)", "One; rm -rf (gt-1)"]
    assert git("status", "--short").splitlines() == ["A  other.txt"]


def test_a_line_fits_its_file():
    assert line_for("a.py", "x") == "# x\n"
    assert line_for("a.md", "x") == "- x\n"
    assert line_for("a.ts", "x") == "// x\n"


def test_the_hook_is_understood_as_record_or_as_id():
    record = {"id": "gt-1", "title": "T", "description": "D", "labels": ["mood:slow"], "status": "hooked"}
    assert parse_hook({"has_work": True, "pinned_bead": record}) == ("gt-1", "T", "D", ("mood:slow",), "hooked", "")
    carried = {"has_work": True, "pinned_bead": record, "dispatch": {"molecule": "gt-wisp-1"}}
    assert parse_hook(carried).molecule == "gt-wisp-1"
    assert parse_hook({"has_work": True, "pinned_bead": "gt-1", "title": "T"}).bead == "gt-1"
    assert parse_hook({"has_work": False, "pinned_bead": None}) is None
    assert parse_hook({}) is None


def test_the_transcript_is_private(tmp_path, monkeypatch):
    from gastown_agent.session import Session

    monkeypatch.chdir(tmp_path)
    Session(read_identity({"GT_ROLE": "mayor"})).note("user", "hello")
    path = tmp_path / ".runtime" / "transcript.jsonl"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_one_who_slips_mends_its_test_when_the_work_comes_back_and_one_who_breaks_does_not(tmp_path):
    git = make_repo(str(tmp_path / "work"))
    git.run("config", "user.name", "Opal")
    git.run("config", "user.email", "opal@example.org")
    work_dir = git.path
    plan = Plan("sh-x1.2", "Sum it", ("a",), ("a.md",))
    path = tmp_path / "work" / "tests" / "test_sh_x1_2.py"
    add_fault(plan, SLIPS, work_dir)
    assert "1 + 1 == 3" in path.read_text()
    add_fault(plan, SLIPS, work_dir)
    assert "1 + 1 == 2" in path.read_text()
    texts = []
    for _ in range(3):
        add_fault(plan, BREAKS, work_dir)
        texts.append(path.read_text())
    assert all("1 + 1 == 3" in text for text in texts) and len(set(texts)) == 3
    log = subprocess.run(["git", "log", "--format=%s"], cwd=work_dir, capture_output=True, text=True, check=True)
    assert log.stdout.splitlines()[:2] == ["Test sh-x1.2", "Test sh-x1.2"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1", True),
        ("yes please", True),
        ("[from overseer] y", True),
        ("2", False),
        ("No! Do not install", False),
        ("[from overseer] no", False),
        ("continue", None),
        ("[from overseer] what does it do?", None),
        ("[from overseer]", None),
    ],
)
def test_a_question_is_answered_by_yes_and_no_and_by_nothing_else(text, meant):
    assert answer_in(text) is meant


def test_history_is_seen_together_with_the_prompt_below_it(monkeypatch):
    written = []
    monkeypatch.setattr(os, "write", lambda fd, data: written.append(data) or len(data))
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((80, 24)))
    terminal = Terminal.__new__(Terminal)
    terminal._fd, terminal._drawn, terminal._unwritten = 0, 0, ""
    for number in range(2):
        terminal.show(f"● said {number}")
        assert len(written) == number
        terminal.bottom(["────", "❯ "], (1, 2))
        assert f"● said {number}".encode() in written[-1] and "❯ ".encode() in written[-1]
    assert len(written) == 2
