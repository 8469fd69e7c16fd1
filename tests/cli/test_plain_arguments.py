"""What is parsed without argparse is what argparse makes of it, for every command of both programs."""

from __future__ import annotations

import argparse
import random
from typing import Any

import pytest

from gastown_cli import bd, gt
from gastown_cli.lazy import Command, handlers
from gastown_cli.parser import parse
from gastown_cli.plain_arguments import HIDDEN, REST, parse_plain
from gastown_core.errors import UsageError

ROWS = {row.module: row for root in (gt.ROOT, bd.ROOT) for row in root.commands}
LOOSE = ("sh-1", "hq-2", "list", "show", "3", "0", "two words", "", "-", "a=b", "é")
ODD = ("--", "-1", "-h", "--nonsense", "-x9", "--json=1", "--js")


def options_of(row: Command) -> list[argparse.Action]:
    parser = argparse.ArgumentParser()
    handlers(row)[0](parser)
    return [action for action in parser._actions if action.option_strings]


def some_words(rng: random.Random, options: list[argparse.Action]) -> list[str]:
    words: list[str] = []
    for _ in range(rng.randint(0, 4)):
        option = rng.choice(options) if options and rng.random() < 0.6 else None
        if option is None:
            words += rng.choices(LOOSE, k=rng.randint(1, 3))
            continue
        name = rng.choice(option.option_strings)
        values = [*(str(choice) for choice in option.choices or ()), "1", "word", "", "-", "2h"]
        if rng.random() < 0.2:
            words.append(f"{name}={rng.choice(values)}")
        elif option.nargs == 0 or rng.random() < 0.1:
            words.append(name)
        else:
            words += [name, rng.choice(values)]
    if rng.random() < 0.1:
        words.insert(rng.randint(0, len(words)), rng.choice(ODD))
    return words


def by_argparse(row: Command, words: list[str]) -> dict[str, Any] | None:
    try:
        return vars(parse("program", "", handlers(row)[0], words))
    except (UsageError, SystemExit):
        return None


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.module.rpartition(".")[2])
def test_plain_words_are_parsed_as_argparse_parses_them(row: Command, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(row.module)
    options = options_of(row)
    for _ in range(60):
        words = some_words(rng, options)
        plain = parse_plain(handlers(row)[0], words)
        if plain is not None:
            assert vars(plain) == by_argparse(row, words), words


def parser_of(*arguments: tuple[tuple[str, ...], dict[str, Any]]) -> Any:
    def add(parser: Any) -> None:
        for names, told in arguments:
            parser.add_argument(*names, **told)

    return add


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ([], {"json": False, "label": [], "n": 5, "ids": []}),
        (["--json", "a", "b", "-n", "7"], {"json": True, "label": [], "n": 7, "ids": ["a", "b"]}),
        (["--label=x", "--label", "y", "a"], {"json": False, "label": ["x", "y"], "n": 5, "ids": ["a"]}),
    ],
)
def test_common_words_are_plain(words: list[str], values: dict[str, Any]) -> None:
    add = parser_of(
        (("--json",), {"action": "store_true"}),
        (("-l", "--label"), {"action": "append", "default": []}),
        (("-n",), {"type": int, "default": "5"}),
        (("ids",), {"nargs": "*"}),
    )
    found = parse_plain(add, words)
    assert found is not None and vars(found) == values
    assert "ids" in found and "other" not in found


@pytest.mark.parametrize(
    "words",
    [
        ["--lab", "x"],
        ["-n"],
        ["-n", "many"],
        ["-n3"],
        ["--json=yes"],
        ["a", "--json", "b"],
        ["--", "a"],
        ["--label", "-x"],
        ["--what"],
        ["-h"],
    ],
)
def test_argparse_has_the_word_on_everything_else(words: list[str]) -> None:
    add = parser_of(
        (("--json",), {"action": "store_true"}),
        (("-l", "--label"), {"action": "append"}),
        (("-n",), {"type": int}),
        (("ids",), {"nargs": "*"}),
    )
    assert parse_plain(add, words) is None


def test_arguments_that_exclude_each_other_and_those_that_must_be_given_go_to_argparse() -> None:
    def add(parser: Any) -> None:
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--one", action="store_true")
        group.add_argument("--two", action="store_true")
        parser.add_argument("--must", required=True)

    assert parse_plain(add, ["--one", "--must", "x"]) is not None
    assert parse_plain(add, ["--one", "--two", "--must", "x"]) is None
    assert parse_plain(add, ["--one"]) is None


def test_the_words_of_argparse_are_its_own() -> None:
    assert (HIDDEN, REST) == (argparse.SUPPRESS, argparse.REMAINDER)
