"""Reports of tests, made by code that nobody has judged yet."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gastown_core.refinery import report_file
from gastown_core.refinery.report_file import clear_report, read_report

JUNIT = """<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="4" failures="1" errors="1" skipped="1">
<testcase classname="tests.cart" name="adds"/>
<testcase classname="tests.cart" name="sums"><failure message="no">text</failure></testcase>
<testcase classname="tests.cart" name="opens"><error/></testcase>
<testcase classname="tests.cart" name="later"><skipped/></testcase></testsuite></testsuites>"""


def written(folder: Path, text: str | bytes) -> dict[str, bool] | None:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "r").write_bytes(data)
    found = read_report(str(folder), "r")
    return None if found is None else dict(found.tests)


def test_junit_names_each_test_with_its_result(tmp_path: Path) -> None:
    wanted = {"tests.cart::adds": True, "tests.cart::sums": False, "tests.cart::opens": False}
    assert written(tmp_path, JUNIT) == wanted
    assert written(tmp_path, JUNIT.replace("<testsuites>", "").replace("</testsuites>", "")) == wanted


def test_tap_names_each_test_with_its_result(tmp_path: Path) -> None:
    text = (
        "TAP version 13\n1..5\nok 1 - adds\nnot ok 2 - sums \\# 1\nnot ok 3 late # TODO later\nok 4 # skip no net\nok\n"
    )
    assert written(tmp_path, text) == {"adds": True, "sums \\# 1": False, "test 5": True}
    nested = "    ok 1 - inner\n    1..1\nok 1 - outer\n1..1\n"
    assert written(tmp_path, nested) == {"outer": True}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<",
        JUNIT[:-20],
        JUNIT.replace('tests="4"', 'tests="5"'),
        JUNIT.replace('errors="1"', 'errors="2"'),
        JUNIT.replace('tests="4"', 'tests="many"'),
        '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><testsuite><testcase name="&c;"/></testsuite>',
        '<?xml version="1.0" encoding="no-such"?><testsuite><testcase name="a"/></testsuite>',
        "<testsuite>" * 60 + "</testsuite>" * 60,
        "1..3\nok 1 - a\nok 2 - b\n",
        "ok 1 - a\n",
        "1..1\nok 1 - a\nBail out! no database\n",
        "\x00\xff\xfe junk",
    ],
)
def test_what_is_not_whole_names_no_test(tmp_path: Path, text: str) -> None:
    assert written(tmp_path, text) is None


def test_a_test_that_is_named_twice_is_red_if_either_was(tmp_path: Path) -> None:
    assert written(tmp_path, "1..2\nnot ok 1 - a\nok 2 - a\n") == {"a": False}


def test_names_are_one_clean_line_of_limited_length_and_stay_apart(tmp_path: Path) -> None:
    long = "x" * 5000
    text = f"1..3\nok 1 - \x1b[31mred\u202e\x07\nok 2 - {long}1\nnot ok 3 - {long}2\n"
    found = written(tmp_path, text)
    assert found is not None and len(found) == 3
    assert all(len(name) <= report_file.MOST_LETTERS and name.isprintable() for name in found)


def test_links_pipes_folders_and_floods_are_no_report_and_hold_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").write_text("1..1\nok 1 - a\n")
    os.symlink("real", tmp_path / "link")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    os.symlink(tmp_path, tmp_path / "deep")
    for name in ("link", "fifo", "folder", "none", "deep/real", "real/below"):
        assert read_report(str(tmp_path), name) is None
    assert not clear_report(str(tmp_path), "deep/real") and (tmp_path / "real").exists()
    assert not clear_report(str(tmp_path), "folder") and clear_report(str(tmp_path), "fifo")
    assert clear_report(str(tmp_path), "none") and not (tmp_path / "fifo").exists()
    monkeypatch.setattr(report_file, "MOST_TESTS", 2)
    assert written(tmp_path, "1..3\nok 1\nok 2\nok 3\n") is None
    assert (
        written(tmp_path, "<testsuite><testcase name='a'/><testcase name='b'/><testcase name='c'/></testsuite>") is None
    )
    monkeypatch.setattr(report_file, "MOST_BYTES", 10)
    assert written(tmp_path, "1..1\nok 1 - a\n") is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b'<testsuite><testcase name="' + b"x" * 4_000_000 + b'"/></testsuite>', 1),
        (b"<a>" * 1_000_000, 0),
        (b"1..1\nok 1 - " + b"\\" * 4_000_000 + b"\n", 1),
        (b"ok\n" * 1_000_000, 0),
    ],
    ids=["a long name", "deep", "backslashes", "many lines"],
)
def test_a_flood_costs_no_more_than_its_size(tmp_path: Path, text: bytes, count: int) -> None:
    before = time.process_time()
    found = written(tmp_path, text)
    assert len(found or {}) == count and time.process_time() - before < 20.0
