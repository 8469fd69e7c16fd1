"""The ledger of single tests: which of them changed their mind on the same tree, and which are in quarantine.

It is filled from the reports of gates (``report_file``).  A run counts for a test only beside another whole run of the same
tree with as many tests.  A test is *established* once it was part of what is on the target; a newer one has no history
and is never excused.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict

from gastown_core.clock import format_micros, format_seconds, is_moment, parse_moment
from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from gastown_core.refinery.report_file import SuiteReport

FILE = os.path.join(".runtime", "refinery", "tests.json")
MOST_RUNS = 200
"""How many runs of each gate are kept."""
MOST_REDS = 50
"""A run with more failed tests is a broken tree or environment, and says nothing of single tests."""
FLIPS = 3
"""On how many trees a test has to change its mind before it is put in quarantine."""
_MARK = 8


class FlakyTest(Record):
    """A test that was red and green on the same tree: on how many trees, in how many of the runs of those it was red.

    ``last`` is when it was last seen to be red by chance; ``until`` when its quarantine ends (0: it is in none), ``bead``
    the issue of that.
    """

    gate: str
    test: str
    changed: int = 0
    reds: int = 0
    runs: int = 0
    last: float = 0.0
    is_new: bool = False
    since: float = 0.0
    until: float = 0.0
    bead: str = ""

    @property
    def rate(self) -> float:
        """The share of runs in which it was red, of those on trees where it was green too."""
        return self.reds / self.runs if self.runs else 0.0


def saw(rig_path: str, gate: str, cmd: str, tree: str, report: SuiteReport, now: float) -> None:
    """Remember a run of a gate; a ledger that cannot be written does not stop a merge."""
    reds = report.reds
    if len(reds) > MOST_REDS:
        return

    def change(value: dict[str, Any]) -> None:
        kept = _gate_of(value, gate)
        mark = sha256(cmd.encode()).hex()[:_MARK]
        rows = kept.get("runs") if kept.get("cmd") == mark else None
        row = [tree[:12], round(now, 6), len(report.tests), list(reds)]
        kept.update(cmd=mark, runs=[*(rows if isinstance(rows, list) else []), row][-MOST_RUNS:])

    _edit(rig_path, change)


def establish(rig_path: str, gate: str, tests: Iterable[str]) -> None:
    """These tests are on the target: from now on their changes of mind count."""
    marks = "".join(sorted({_mark_of(one) for one in tests}))

    def change(value: dict[str, Any]) -> None:
        _gate_of(value, gate)["known"] = marks

    if marks != _known(_read(rig_path), gate):
        _edit(rig_path, change)


def quarantine(rig_path: str, test: FlakyTest) -> None:
    """Put a test in quarantine: since, until and bead are in ``test``. Raises SettingsError, StoreError."""
    row = {"since": format_seconds(test.since), "until": format_seconds(test.until), "bead": test.bead}

    def change(value: dict[str, Any]) -> None:
        kept = _gate_of(value, test.gate)
        kept["quarantine"] = {**_table(kept, "quarantine"), test.test: row}

    edit_json(os.path.join(rig_path, FILE), change, mode=0o600)


def release(rig_path: str, gate: str, test: str, now: float) -> None:
    """End a test's quarantine; only what it does from now on counts against it. Raises SettingsError, StoreError.

    The moment is kept as finely as those of runs: in whole seconds, runs of the second before it counted again.
    """

    def change(value: dict[str, Any]) -> None:
        kept = _gate_of(value, gate)
        kept["quarantine"] = {name: row for name, row in _table(kept, "quarantine").items() if name != test}
        kept["released"] = {**_table(kept, "released"), test: format_micros(now)}

    edit_json(os.path.join(rig_path, FILE), change, mode=0o600)


def read_tests(rig_path: str) -> list[FlakyTest]:
    """The tests that changed their mind or are in quarantine, the flakiest first; nothing if the file cannot be read."""
    value = _read(rig_path)
    found: list[FlakyTest] = []
    for gate in _table(value, "gates"):
        kept = _gate_of(value, gate)
        known = _known(value, gate)
        marks = {known[place : place + _MARK] for place in range(0, len(known), _MARK)}
        rows = {name: row for name, row in _table(kept, "quarantine").items() if isinstance(row, dict)}
        seen = _flips(kept.get("runs"), {name: _moment(at) for name, at in _table(kept, "released").items()})
        for name in dict.fromkeys((*seen, *rows)):
            row = rows.get(name, {})
            one = seen.get(name, FlakyTest("", name))
            found.append(
                one._replace(
                    gate=gate,
                    is_new=_mark_of(name) not in marks,
                    since=_moment(row.get("since")),
                    until=_moment(row.get("until")),
                    bead=str(row.get("bead") or ""),
                )
            )
    return sorted(found, key=lambda one: (-one.until, -one.changed, -one.rate, one.gate, one.test))


def excused(tests: Iterable[FlakyTest], gate: str, reds: Iterable[str], now: float) -> bool:
    """Whether all of these failed tests of a gate are established and in quarantine now."""
    allowed = {one.test for one in tests if one.gate == gate and one.until > now and not one.is_new}
    wanted = set(reds)
    return bool(wanted) and wanted <= allowed


def doubt(tests: Iterable[FlakyTest], gate: str, reds: Iterable[str]) -> float:
    """How often chance makes a gate red in these tests; 0 if one of them never changed its mind, or is new."""
    rates = {one.test: one.rate for one in tests if one.gate == gate and one.changed and not one.is_new}
    wanted = set(reds)
    return max(rates[one] for one in wanted) if wanted and wanted <= rates.keys() else 0.0


def _flips(rows: object, released: Mapping[str, float]) -> dict[str, FlakyTest]:
    """Each test that was red and green on the same tree, in runs after it was released."""
    trees: dict[tuple[str, int], list[tuple[float, frozenset[str]]]] = defaultdict(list)
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [str(tree), at, int(count), list(reds)] if is_moment(at):
                trees[tree, count].append((float(at), frozenset(str(one) for one in reds)))
    found: dict[str, FlakyTest] = {}
    for runs in trees.values():
        for name in frozenset().union(*(reds for _, reds in runs)):
            since = released.get(name, 0.0)
            mine = [(at, name in reds) for at, reds in runs if at > since]
            reds = [at for at, is_red in mine if is_red]
            if reds and len(reds) < len(mine):
                one = found.get(name, FlakyTest("", name))
                found[name] = one._replace(
                    changed=one.changed + 1,
                    reds=one.reds + len(reds),
                    runs=one.runs + len(mine),
                    last=max(one.last, *reds),
                )
    return found


def _mark_of(test: str) -> str:
    return sha256(test.encode("utf-8", "replace")).hex()[:_MARK]


def _moment(text: object) -> float:
    return parse_moment(text) or 0.0


def _known(value: dict[str, Any], gate: str) -> str:
    known = _gate_of(value, gate).get("known")
    return known if isinstance(known, str) else ""


def _table(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _gate_of(value: dict[str, Any], gate: str) -> dict[str, Any]:
    """The part of the ledger that is one gate's, made where it is missing or of another form."""
    gates = value["gates"] = _table(value, "gates")
    found = gates[gate] = _table(gates, gate)
    value["version"] = 1
    return found


def _read(rig_path: str) -> dict[str, Any]:
    try:
        return read_json(os.path.join(rig_path, FILE)) or {}
    except SettingsError:
        return {}


def _edit(rig_path: str, change: Callable[[dict[str, Any]], None]) -> None:
    with contextlib.suppress(SettingsError, StoreError, OSError):
        edit_json(os.path.join(rig_path, FILE), change, mode=0o600)
