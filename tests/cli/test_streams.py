"""Commands with a closed output: the act runs to its end even if its output cannot be written."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from gastown_core.git.repo import Git
from tests.support.cli import gt
from tests.support.repos import commit_files
from tests.support.towns import reference_town

GT = "import sys; sys.argv[0] = 'gt'; from gastown_cli.main import gt; sys.exit(gt())"
BD = "import sys; sys.argv[0] = 'bd'; from gastown_cli.main import bd; sys.exit(bd())"


def without_reader() -> dict[str, int]:
    """Both streams into a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return {"stdout": writer, "stderr": writer}


def on_a_full_disk() -> dict[str, int]:
    return {"stdout": os.open("/dev/full", os.O_WRONLY)}


def run(program: str, *words: str, cwd: str, streams: dict[str, int], **env: str) -> int:
    """The exit code of the programme; unbuffered, so that the first line of output already meets the broken stream."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    base = {key: value for key, value in os.environ.items() if not key.startswith("GT_")}
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=cwd,
        env={**base, "PYTHONPATH": here, "PYTHONUNBUFFERED": "1", **env},
        stdin=subprocess.DEVNULL,
        timeout=60,
        **streams,  # type: ignore[call-overload]
    )
    for descriptor in set(streams.values()):
        os.close(descriptor)
    return int(done.returncode)


@pytest.mark.parametrize("words", [[], ["--receipts"], ["--json"]])
@pytest.mark.parametrize(("break_it", "code"), [(without_reader, 0), (on_a_full_disk, 3)])
def test_done_hands_in_though_nobody_reads_what_it_says(
    rigged, words: list[str], break_it: Callable[[], dict[str, int]], code: int
) -> None:
    bead = rigged.file()
    entry = rigged.entry(rigged.sling(bead.id).result.agent)
    commit_files(Git(entry.work_dir), {"a.txt": "a"}, "Work")
    assert run(GT, "done", *words, cwd=entry.work_dir, streams=break_it()) == code
    assert rigged.bead(bead.id).status == "in_review"
    assert "hook_bead" not in rigged.bead(entry.bead_id).fields


def test_an_act_with_closed_streams_writes_into_no_file_of_ours(rigged) -> None:
    script = f'exec "{sys.executable}" -c "$1" create "Made in the dark" >&- 2>&- <&-'
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        ["sh", "-c", script, "sh", BD],
        cwd=os.path.join(rigged.root, "shop"),
        env={**os.environ, "PYTHONPATH": here},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    with open(os.path.join(rigged.root, "shop", ".beads", "issues.jsonl")) as handle:
        lines = handle.read().splitlines()
    assert [line for line in lines if "Made in the dark" in line] and all(line.startswith("{") for line in lines)


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8:strict"])
def test_done_hands_in_where_the_terminal_lacks_our_signs(rigged, encoding: str) -> None:
    bead = rigged.file("Fix the \u2713 sign")
    entry = rigged.entry(rigged.sling(bead.id).result.agent)
    commit_files(Git(entry.work_dir), {"a.txt": "a"}, "Work")
    reader, writer = os.pipe()
    assert run(GT, "done", cwd=entry.work_dir, streams={"stdout": writer}, PYTHONIOENCODING=encoding) == 0
    with os.fdopen(reader, "rb") as told:
        assert b"in review" in told.read()
    assert rigged.bead(bead.id).status == "in_review"


def test_a_refusal_keeps_its_exit_code_without_a_reader(rigged) -> None:
    assert run(BD, "close", "sh-nobody", cwd=os.path.join(rigged.root, "shop"), streams=without_reader()) == 1


@pytest.mark.parametrize("words", [("status", "--watch", "--fast"), ("feed", "--plain", "--follow")])
def test_what_only_shows_ends_when_its_reader_has_gone(tmp_path, words: tuple[str, ...]) -> None:
    assert run(GT, *words, cwd=reference_town(tmp_path), streams=without_reader()) == 0


ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A machine whose locale has ASCII alone, as Python sees it."""


def told(program: str, *words: str, cwd: str, **env: str) -> tuple[int, bytes]:
    reader, writer = os.pipe()
    code = run(program, *words, cwd=cwd, streams={"stdout": writer}, **env)
    with os.fdopen(reader, "rb") as said:
        return code, said.read()


def test_a_title_arrives_whole_where_the_locale_is_not_utf8(tmp_path) -> None:
    place = str(tmp_path / "gr\u00f6\u00dfe")
    os.makedirs(place)
    assert told(BD, "init", "-p", "gt", "-q", "--skip-hooks", cwd=place, **ASCII)[0] == 0
    code, shown = told(BD, "create", "Gr\u00f6\u00dfe \u2713 \U0001f600", cwd=place, **ASCII)
    assert code == 0 and shown.isascii() and b"Gr\\xf6\\xdfe" in shown
    with open(os.path.join(place, ".beads", "issues.jsonl"), encoding="utf-8") as handle:
        assert "Gr\u00f6\u00dfe \u2713 \U0001f600" in handle.read()
    code, shown = told(BD, "list", "--json", cwd=place, **ASCII)
    assert code == 0 and shown.isascii() and json.loads(shown)[0]["title"] == "Gr\u00f6\u00dfe \u2713 \U0001f600"


def test_words_typed_in_the_locales_set_become_utf8_and_file_names_stay() -> None:
    script = "from gastown_cli.streams import _as_utf8; import sys; sys.stdout.write(repr(list(map(_as_utf8, sys.argv[1:]))))"
    base = {**os.environ, "PYTHONPATH": os.getcwd(), **ASCII}
    words = [b"plain", "\u00f6".encode(), b"\xf6"]
    done = subprocess.run([sys.executable, "-c", script, *words], env=base, capture_output=True, timeout=60, check=True)
    assert ast.literal_eval(done.stdout.decode())[:2] == words[:2]


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-16"])
def test_what_is_read_is_utf8_whatever_python_was_told(tmp_path, encoding: str) -> None:
    place = str(tmp_path)
    told(BD, "init", "-p", "gt", "-q", "--skip-hooks", cwd=place)
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    subprocess.run(
        [sys.executable, "-c", BD, "create", "A title", "-d", "-"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": here, "PYTHONIOENCODING": encoding},
        input="\u00dcber \u2713".encode() + b" \xff",
        timeout=60,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with open(os.path.join(place, ".beads", "issues.jsonl"), encoding="utf-8") as handle:
        assert "\u00dcber \u2713 \ufffd" in handle.read()


def test_a_name_too_long_for_a_file_is_refused_at_the_door(tmp_path) -> None:
    done = gt("formula", "create", "a" * 100_000, cwd=reference_town(tmp_path))
    assert done.code == 2 and "it has 100000 bytes" in done.err and "at most 100" in done.err
    assert len(done.err) < 5000


def test_what_ends_with_1_says_that_its_output_was_lost(rigged) -> None:
    """Nothing waits: that is the answer, and it does not reach anybody."""
    reader, writer = os.pipe()
    streams = {**on_a_full_disk(), "stderr": writer}
    assert run(GT, "mq", "forecast", "shop", cwd=rigged.root, streams=streams) == 1
    with os.fdopen(reader, encoding="utf-8") as said:
        assert said.read().startswith("the output was lost: ")
