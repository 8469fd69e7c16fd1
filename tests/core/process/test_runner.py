"""The runner: what counts is the program's own end, and a limit ends everything that came of it."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import pytest

from gastown_core import process
from gastown_core.errors import GastownError
from gastown_core.git.repo import Git, GitError, Identity
from gastown_core.process import (
    LATE,
    PIPE,
    STOPPED,
    ProcessTimeoutError,
    end_family,
    follow,
    run,
    run_on_terminal,
    spawn,
)
from gastown_core.process_table import lives
from gastown_core.refinery.gate_run import run_command
from gastown_core.town import clones
from tests.support.tmux import until

FLOOD = 'trap "" PIPE; while :; do echo more; done'
"""It goes on writing after nobody reads any more."""


@pytest.fixture
def left(tmp_path):
    """Where a script notes the process that it leaves behind; whatever is noted is ended."""
    path = tmp_path / "left"
    yield path
    if path.exists():
        with suppress(ProcessLookupError):
            os.kill(int(path.read_text()), signal.SIGKILL)


def noted(path):
    return int(until(lambda: path.exists() and path.read_text().strip(), "it notes itself"))


@pytest.mark.parametrize("how", ["", "setsid "], ids=["in the group", "in a session of its own"])
@pytest.mark.parametrize("what", ["exec sleep 600", FLOOD], ids=["silent", "chatty"])
def test_nobody_waits_for_a_leftover_that_holds_the_pipe(left, how, what):
    script = f"echo said; {how}sh -c 'echo $$ > {left}; {what}' & while ! [ -s {left} ]; do sleep 0.01; done; exit 3"
    done = run(["sh", "-c", script], timeout_s=50.0)
    assert (done.code, done.out.splitlines()[0]) == (3, "said")
    assert lives(noted(left)), "what a program starts on purpose (a server) is not the runner's to end"


LEAVE = {
    "in the group": "sh -c 'echo $$ > {left}; {what}' &",
    "in a session of its own": "setsid sh -c 'echo $$ > {left}; {what}' &",
    "twice removed": "(setsid sh -c 'echo $$ > {left}; {what}' &)",
}
"""How a script leaves a process behind; the last one hangs below no process of the script's."""


def leaving(left, how, *, what="exec sleep 600", then):
    """A script that has left a process behind before it goes on."""
    return f"{LEAVE[how].format(left=left, what=what)}\nwhile ! [ -s {left} ]; do sleep 0.01; done; {then}"


@pytest.mark.parametrize("how", LEAVE)
@pytest.mark.parametrize("env", [None, {"PATH": os.environ["PATH"]}], ids=["ours", "given"])
def test_a_limit_ends_the_program_with_all_that_came_of_it(left, how, env):
    with pytest.raises(ProcessTimeoutError, match="longer than 1 s"):
        run(["sh", "-c", leaving(left, how, then="sleep 601")], timeout_s=1.0, env=env)
    until(lambda: not lives(noted(left)), "the grandchild is gone")


def test_a_limit_ends_what_a_command_within_the_command_left(left):
    inner = (
        f"from gastown_core.process import run; run(['sh', '-c', {leaving(left, 'twice removed', then='exit 0')!r}])"
    )
    with pytest.raises(ProcessTimeoutError):
        run(["sh", "-c", '"$0" -c "$1"\nsleep 601', sys.executable, inner], timeout_s=3.0)
    until(lambda: not lives(noted(left)), "the inner command's leftover is gone")


def test_a_server_that_a_late_command_started_on_purpose_stays(left):
    with pytest.raises(ProcessTimeoutError):
        run(["sh", "-c", leaving(left, "twice removed", then="sleep 601")], timeout_s=1.0, starts_servers=True)
    assert lives(noted(left))


def test_all_that_a_program_wrote_and_was_given_arrives():
    given = os.urandom(100_000).hex().encode() * 8
    code = "import sys; data = sys.stdin.buffer.read(); sys.stderr.write('x' * 300000); sys.stdout.buffer.write(data)"
    done = run([sys.executable, "-c", code], stdin=given)
    assert (done.code, done.out.encode() == given, len(done.err)) == (0, True, 300000)


def test_a_program_that_reads_nothing_ends_all_the_same():
    assert run(["sh", "-c", "exit 4"], stdin=b"x" * 1_000_000).code == 4
    assert run(["cat"], stdin=b"").out == ""


@pytest.mark.parametrize("start", [run, spawn, run_on_terminal])
def test_a_message_too_long_for_a_command_line_is_refused_in_words(start):
    with pytest.raises(GastownError, match="arguments are too long"):
        start(["true", "x" * 3_000_000])


def test_a_word_with_a_nul_is_refused_in_words():
    with pytest.raises(GastownError, match="null byte"):
        run(["true", "a\x00b"])


@pytest.mark.parametrize("start", [run, spawn])
def test_a_folder_that_is_gone_is_named(start, tmp_path):
    with pytest.raises(GastownError, match=f"the folder {tmp_path}/gone is missing"):
        start(["true"], cwd=str(tmp_path / "gone"))


def test_a_system_that_does_not_tell_of_an_end_is_looked_at(monkeypatch):
    def missing(pid):
        raise OSError("no such call")

    monkeypatch.setattr(process.os, "pidfd_open", missing)
    assert run(["sh", "-c", "sleep 0.1; echo late; exit 5"]) == process.Finished(5, "late\n", "")


def test_a_child_that_closed_its_pipes_is_waited_for():
    assert run(["sh", "-c", "exec >&- 2>&-; sleep 0.1; exit 6"]).code == 6


def test_following_says_how_it_came_to_an_end():
    for timeout_s, stopped, want in ((0.1, None, LATE), (50.0, lambda: True, STOPPED)):
        child = spawn(["sh", "-c", FLOOD], stdout=PIPE)
        with child.stdout:
            assert follow(child, {child.stdout: len}, timeout_s=timeout_s, stopped=stopped) == want
            end_family(child.pid)
        assert child.wait() == -signal.SIGKILL


@pytest.mark.parametrize("how", LEAVE)
@pytest.mark.parametrize("what", ["exec sleep 600", FLOOD], ids=["silent", "chatty"])
@pytest.mark.parametrize(("end", "result"), [("exit 0", "pass"), ("sleep 602", "error")])
def test_a_gate_has_its_own_verdict_and_leaves_nothing_running(tmp_path, left, how, what, end, result):
    cmd = leaving(left, how, what=what, then=end)
    limit = 50.0 if result == "pass" else 4.0
    ran = run_command(
        cmd, str(tmp_path), str(tmp_path / "log"), dict(os.environ), timeout_s=limit, limit=1000, stopped=lambda: False
    )
    assert ran.result == result, ran
    until(lambda: not lives(noted(left)), "nothing of it is left")


@pytest.mark.parametrize("way", ["a question", "long work"])
def test_a_late_git_ends_what_the_project_s_hook_left(tmp_path, left, way):
    Git(str(tmp_path)).run("init", "-q")
    hook = tmp_path / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\n" + leaving(left, "twice removed", then="sleep 601"))
    hook.chmod(0o755)
    git, words = (
        Git(str(tmp_path), identity=Identity("x", "x@example.com")),
        ("commit", "-q", "--allow-empty", "-m", "x"),
    )
    with pytest.raises(GitError):
        if way == "a question":
            git.run(*words, timeout_s=4.0)
        else:
            git.stream(*words, on_progress=len, timeout_s=4.0)
    until(lambda: not lives(noted(left)), "the hook's leftover is gone")


def test_a_late_set_up_hook_ends_with_all_that_came_of_it(tmp_path, left, monkeypatch):
    monkeypatch.setattr(clones, "SETUP_TIMEOUT_S", 4.0)
    hook = tmp_path / ".runtime" / "setup-hooks" / "10-serve"
    hook.parent.mkdir(parents=True)
    hook.write_text("#!/bin/sh\n" + leaving(left, "twice removed", then="sleep 601"))
    hook.chmod(0o755)
    (warning,) = clones.run_setup_hooks(str(tmp_path), str(tmp_path))
    assert "took longer than 4 s" in warning
    until(lambda: not lives(noted(left)), "the hook's leftover is gone")
