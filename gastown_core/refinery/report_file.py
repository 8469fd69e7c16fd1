"""What the tests of a gate said, one by one: the JUnit XML or TAP file that the gate writes.

The file is made by code that is being judged: it is read without following links or opening pipes, up to a size and a
number of tests, and its names are cleaned.  What is not whole (cut off, fewer tests than announced, another form) names
no test.
"""

from __future__ import annotations

import io
import os
import re

from gastown_core.files.atomic import link_on_the_way
from gastown_core.files.plain import open_plain
from gastown_core.model.plain_text import clean
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MOST_BYTES = 32_000_000
MOST_TESTS = 50_000
MOST_LETTERS = 200
"""How much of a test's name is kept; a longer one ends in a hash of the whole."""
DEEPEST = 50
"""How deep elements may be nested."""
_MOST_LINE = 20_000
"""How much of a line or of a name is looked at."""
_TAP = re.compile(r"(not )?ok\b(?: +(\d+))?(?: +- +| +)?((?:\\.|[^#\\])*)(?:# *(\w+))?", re.IGNORECASE)
_PLAN = re.compile(r"1\.\.(\d+)")


class SuiteReport(Record):
    """Each test of a run, with whether it was green; those that were skipped are left out."""

    tests: Mapping[str, bool]

    @property
    def reds(self) -> tuple[str, ...]:
        """The tests that failed."""
        return tuple(name for name, is_green in self.tests.items() if not is_green)


class _OddError(Exception):
    """The file is no whole report."""


def clear_report(folder: str, relative: str) -> bool:
    """Remove what an earlier run left at the report's place; False if no report can be trusted there."""
    if link_on_the_way(folder, relative):
        return False
    try:
        os.unlink(os.path.join(folder, relative))
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def read_report(folder: str, relative: str) -> SuiteReport | None:
    """The report at ``relative`` below ``folder``, None if there is none or it is not whole."""
    if link_on_the_way(folder, relative):
        return None
    try:
        with open(open_plain(os.path.join(folder, relative)), "rb") as handle:
            if os.fstat(handle.fileno()).st_size > MOST_BYTES:
                return None
            data = handle.read(MOST_BYTES)
    except OSError:
        return None
    try:
        found = _junit(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else _tap(data)
    except _OddError:
        return None
    return SuiteReport(found) if found else None


def _name(text: str) -> str:
    """A test's name as it is kept: one clean line of limited length."""
    shown = text[:_MOST_LINE]
    name = clean(shown).strip() or "(no name)"
    if len(text) <= _MOST_LINE and len(name) <= MOST_LETTERS:
        return name
    return f"{name[: MOST_LETTERS - 9]} {sha256(shown.encode('utf-8', 'replace')).hex()[:8]}"


def _tap(data: bytes) -> dict[str, bool]:
    """The tests of a TAP stream; subtests count through the line of their parent."""
    found: dict[str, bool] = {}
    plan, count = -1, 0
    for raw in io.BytesIO(data):
        line = raw[:_MOST_LINE].decode("utf-8", "replace").rstrip("\r\n")
        if line.startswith("Bail out!"):
            raise _OddError
        if (said := _PLAN.match(line)) is not None:
            plan = int(said[1][:9])
        elif (said := _TAP.match(line)) is not None:
            count += 1
            if count > MOST_TESTS:
                raise _OddError
            if (said[4] or "").lower() not in ("skip", "todo"):
                name = _name(said[3].strip() or f"test {said[2] or count}")
                found[name] = found.get(name, True) and not said[1]
    if plan != count:
        raise _OddError
    return found


class _JUnit:
    """Collects test cases while an XML file is parsed, and checks each suite's own counts against them."""

    def __init__(self) -> None:
        self.found: dict[str, bool] = {}
        self.count = self._depth = 0
        self._case = ""
        self._result: bool | None = None
        self._suites: list[list[int]] = []
        """Of each open suite: the tests and reds that it announces, and those seen so far."""

    def begin(self, tag: str, about: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        self._depth += 1
        if self._depth > DEEPEST:
            raise _OddError
        if tag in ("testsuite", "testsuites"):
            said = [_number(about.get(key)) for key in ("tests", "failures", "errors")]
            self._suites.append([said[0], said[1] + said[2], 0, 0])
        elif tag == "testcase":
            self.count += 1
            if self.count > MOST_TESTS:
                raise _OddError
            above = about.get("classname") or ""
            self._case = _name(f"{above}::{about.get('name') or ''}" if above else about.get("name") or "")
            self._result = True
        elif self._case and tag in ("failure", "error"):
            self._result = False
        elif self._case and tag == "skipped" and self._result:
            self._result = None

    def end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        self._depth -= 1
        if tag == "testcase" and self._case:
            if self._result is not None:
                self.found[self._case] = self.found.get(self._case, True) and self._result
            for suite in self._suites:
                suite[2] += 1
                suite[3] += self._result is False
            self._case = ""
        elif tag in ("testsuite", "testsuites") and self._suites:
            tests, reds, seen, seen_reds = self._suites.pop()
            if tests > seen or reds > seen_reds:
                raise _OddError


def _number(text: str | None) -> int:
    """A count of a suite; what is none counts as a report that is not whole."""
    text = text or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise _OddError
    return int(text)


def _junit(data: bytes) -> dict[str, bool]:
    """The test cases of a JUnit file; a document type could hold entities that grow without limit, and is refused."""
    from xml.parsers import expat

    cases = _JUnit()

    def refuse(*_: Any) -> None:
        raise _OddError

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = cases.begin
    parser.EndElementHandler = cases.end
    try:
        # at once: in pieces, a name that does not end costs the square of its length
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise _OddError from error
    return cases.found
