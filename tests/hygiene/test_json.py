"""One decoder for all JSON that others wrote."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parents[2]
OWN = {"gastown_core/model/json_text.py", "gastown_core/beads/index_rows.py"}
"""The decoder itself, and the index that reads nothing but what it wrote."""


def test_only_the_one_decoder_reads_json() -> None:
    found = [
        f"{path.relative_to(HERE)}:{node.lineno}"
        for package in ("gastown_core", "gastown_cli", "gastown_tui", "gastown_web", "gastown_agent")
        for path in (HERE / package).rglob("*.py")
        if str(path.relative_to(HERE)) not in OWN
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("load", "loads", "JSONDecoder", "raw_decode")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("json", "orjson")
    ]
    assert not found
