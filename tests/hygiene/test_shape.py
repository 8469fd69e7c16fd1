"""The shape of the code: sizes of modules and functions, import rings, and pages that name files and functions."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gastown_core", "gastown_cli", "gastown_tui", "gastown_web", "gastown_agent")
pytestmark = pytest.mark.timeout(600)
"""Reading all modules takes a few seconds of processor time, on a busy machine many more by the clock."""
MOST_LINES = 450
TABLE_ROWS = {"gastown_cli.gt": 700}
"""Modules that are one table and nothing else, each with a limit of its own: a row per command of the program."""
MOST_BODY_LINES = 40
KNOWN_RINGS: dict[frozenset[str], str] = {}
"""Modules that import each other, with the reason; at most two."""


@cache
def _trees() -> dict[str, tuple[Path, ast.Module]]:
    """Dotted name → file and syntax tree of every module."""
    out = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            out[name] = (path, ast.parse(path.read_text(encoding="utf-8")))
    return out


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_module_is_too_long() -> None:
    """A module that grows past the limit has a second noun, which wants a module of its own."""
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, (path, _) in _trees().items()}
    assert len(lengths) > 100
    assert {name: count for name, count in lengths.items() if count > TABLE_ROWS.get(name, MOST_LINES)} == {}


def test_no_function_is_too_long() -> None:
    """Counted are the lines of the body without the docstring."""
    long = {
        f"{name}.{node.name}": _body_lines(node)
        for name, (_, tree) in _trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _body_lines(node) > MOST_BODY_LINES
    }
    assert long == {}


def _imports(tree: ast.Module, known: set[str]) -> set[str]:
    """Every imported module, whether at the top, in a function or for the type checker."""
    out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                out.add(inner if inner in known else node.module)
        elif isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
    return out & known


def _rings(edges: dict[str, set[str]]) -> list[frozenset[str]]:
    """The groups of modules that reach each other (Tarjan's components of more than one)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[frozenset[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in edges[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            group = frozenset(stack[at:])
            del stack[at:]
            if len(group) > 1:
                found.append(group)

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        for name in edges:
            if name not in index:
                visit(name)
    finally:
        sys.setrecursionlimit(before)
    return found


def test_a_ring_is_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert _rings(edges) == [frozenset({"b", "c"})]


def test_no_modules_import_each_other_in_a_ring() -> None:
    """Imports in functions and for the type checker count too: they hide a ring and do not remove it."""
    known = set(_trees())
    edges = {name: _imports(tree, known) - {name} for name, (_, tree) in _trees().items()}
    assert sum(map(len, edges.values())) > 1000
    assert len(KNOWN_RINGS) <= 2
    assert set(_rings(edges)) == set(KNOWN_RINGS)


def _defined(tree: ast.Module) -> set[str]:
    names = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    return names | {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


@pytest.mark.parametrize("page", ["docs/tour.md", "docs/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_a_page_names_exists(page: str) -> None:
    paths = [path.relative_to(ROOT).as_posix() for path, _ in _trees().values()]
    paths += [
        path.relative_to(ROOT).as_posix() for folder in ("docs", "tests") for path in (ROOT / folder).rglob("*.*")
    ]
    named = re.findall(r"`([\w/]+\.(?:py|md))`", (ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 5
    assert [name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in paths)] == []


def test_each_stop_of_the_tour_names_a_function_of_its_files() -> None:
    trees = {path.relative_to(ROOT).as_posix(): tree for path, tree in _trees().values()}
    checked = 0
    for stop in re.split(r"\n(?=\d+\. )", (ROOT / "docs/tour.md").read_text(encoding="utf-8"))[1:]:
        words = re.findall(r"`([^`\n]+)`", stop)
        files = [path for word in words if word.endswith(".py") for path in trees if f"/{path}".endswith(f"/{word}")]
        known = {name for path in files for name in _defined(trees[path])}
        for word in words if files else ():
            if re.fullmatch(r"[A-Z]\w+\.\w+|[A-Z][A-Za-z]+|[a-z]+_\w+", word):
                checked += 1
                missing = [part for part in word.split(".") if part not in known]
                assert missing == [], f"{stop[:40]}: {missing} in none of {files}"
    assert checked > 6
