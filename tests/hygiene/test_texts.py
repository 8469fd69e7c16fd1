"""Every command has help, and the two first commands of the README are there."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path

import pytest

from gastown_cli.bd import ROOT as BD
from gastown_cli.gt import ROOT as GT
from gastown_cli.lazy import Command, find, handlers

ROOT = Path(__file__).parents[2]
ROWS = [(root, row) for root in (GT, BD) for row in root.commands]


@pytest.mark.parametrize(("root", "row"), ROWS, ids=lambda value: getattr(value, "name", getattr(value, "program", "")))
def test_every_command_of_the_tables_parses_and_is_found(root: object, row: Command) -> None:
    add_arguments, run = handlers(row)
    parser = ArgumentParser(prog=row.name)
    add_arguments(parser)  # type: ignore[arg-type]
    assert callable(run)
    assert parser.format_help()
    assert row.help
    assert not row.help.endswith(".")
    found, _ = find(root, row.name.split())  # type: ignore[arg-type]
    assert found is row


def test_names_and_aliases_are_unique() -> None:
    for root in (GT, BD):
        words = [word for row in root.commands if " " not in row.name for word in (row.name, *row.aliases)]
        assert len(words) == len(set(words))


def test_the_readme_opens_with_a_picture_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.index("![") < text.index("make demo") < text.index("make test")


def test_no_machine_path_or_registry_host_is_told() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.lock"), ROOT / "pyproject.toml"]:
        text = path.read_text()
        for word in (r"(?<![\w./])/work/", r"(?<![\w./])/root/", r"pypi\.org", r"files\.pythonhosted"):
            assert not re.search(word, text), f"{word} in {path.name}"
