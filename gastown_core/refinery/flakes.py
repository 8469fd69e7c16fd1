"""The flake ledger: how often gates changed their mind on the same tree.

A red run counts as false if the same gate is green on the same tree before or afterwards.  The ledger forgets the oldest
verdicts, so a gate that was mended is trusted again.
"""

from __future__ import annotations

import contextlib
import os
from itertools import pairwise

from gastown_core.clock import is_moment
from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.model.record import Record
from gastown_core.model.refinery import FAIL, PASS
from gastown_core.model.sha256 import sha256
from gastown_core.refinery.planner import PRIOR_FLAKE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FILE = os.path.join(".runtime", "refinery", "flakes.json")
MOST = 400
"""How many verdicts of each gate are kept."""
PRIOR_WEIGHT = 30.0
"""How many runs the rate assumed of an unknown gate counts as."""
ALL = "*"
"""The name under which whole sets of gates are kept; no gate can have it."""
VERSION = 2
_ALL_BEFORE = "all"
"""The name of the sets in version 1. A gate may be called that, too, and then each run of one forgot those of the other."""


class GateFlakes(Record):
    """What is known of one gate: verdicts, the trees it changed its mind on, red runs that were false, and its flake rate."""

    gate: str
    runs: int = 0
    changed: int = 0
    false_reds: int = 0
    rate: float = PRIOR_FLAKE
    last: float = 0.0
    """When it last gave another verdict than before on the same tree, 0 if never."""


def saw(rig_path: str, gate: str, cmd: str, tree: str, result: str, now: float) -> None:
    """Remember a verdict of a gate; only red and green count. A ledger that cannot be written does not stop a merge."""
    if result not in (PASS, FAIL):
        return

    def change(value: dict[str, Any]) -> None:
        kept = _gates(value)
        mark = sha256(cmd.encode()).hex()[:8]
        known = kept.get(gate)
        rows = _rows(known) if isinstance(known, dict) and known.get("cmd") == mark else []
        kept[gate] = {"cmd": mark, "verdicts": [*rows, [tree[:12], result == PASS, round(now, 1)]][-MOST:]}
        value.update(version=VERSION, gates=kept)

    with contextlib.suppress(SettingsError, StoreError, OSError):
        edit_json(os.path.join(rig_path, FILE), change, mode=0o600)


def read_flakes(rig_path: str) -> list[GateFlakes]:
    """What is known of each gate, the flakiest first; nothing if the file cannot be read."""
    try:
        gates = _gates(read_json(os.path.join(rig_path, FILE)) or {})
    except SettingsError:
        return []
    found = [_of_gate(str(name), _rows(one)) for name, one in gates.items() if isinstance(one, dict)]
    return sorted(found, key=lambda one: (-one.rate, one.gate))


def _gates(value: dict[str, Any]) -> dict[str, Any]:
    """What the ledger keeps of each gate and, as ``ALL``, of whole sets, in whichever version it was written."""
    gates = value.get("gates")
    kept = gates if isinstance(gates, dict) else {}
    if value.get("version") == 1:
        return {ALL if name == _ALL_BEFORE else name: one for name, one in kept.items()}
    return kept


def _rows(gate: dict[str, Any]) -> list[Any]:
    """The verdicts that are kept of a gate, none where something else stands in their place."""
    rows = gate.get("verdicts")
    return rows if isinstance(rows, list) else []


def flake_rate(rig_path: str) -> float:
    """The share of runs of all gates together that are red by chance."""
    return next((one.rate for one in read_flakes(rig_path) if one.gate == ALL), PRIOR_FLAKE)


def _of_gate(name: str, rows: Iterable[Any]) -> GateFlakes:
    trees: dict[str, list[tuple[bool, float]]] = {}
    count = 0
    for row in rows:
        if isinstance(row, list) and len(row) == 3 and is_moment(row[2]):
            trees.setdefault(str(row[0]), []).append((bool(row[1]), float(row[2])))
            count += 1
    green = [verdicts for verdicts in trees.values() if any(is_green for is_green, _ in verdicts)]
    seen = sum(map(len, green))
    false = sum(not is_green for verdicts in green for is_green, _ in verdicts)
    turns = [after[1] for verdicts in green for before, after in pairwise(verdicts) if before[0] != after[0]]
    rate = (false + PRIOR_FLAKE * PRIOR_WEIGHT) / (seen + PRIOR_WEIGHT)
    changed = sum(any(not is_green for is_green, _ in verdicts) for verdicts in green)
    return GateFlakes(name, count, changed, false, rate, max(turns, default=0.0))
