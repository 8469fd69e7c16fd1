"""Every command that a document names exists, with the options that stand beside it; every link leads somewhere."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path

import pytest

from gastown_cli import bd, gt
from gastown_cli.lazy import find, handlers
from gastown_core.errors import UsageError
from tests.support.documents import FENCE, commands_of

PAGES = sorted([Path("README.md"), Path("CONTRIBUTING.md"), *Path("docs").rglob("*.md")])
ROOTS = {"gt": gt.ROOT, "bd": bd.ROOT}
OTHERS = {"help", "--help", "--version", "version", "-h", "signal"}
"""First words that are no row of the table: options, and the hidden command that agents' hooks call."""
GLOBAL = {"--help", "--json", "--quiet", "--verbose", "--readonly", "--directory", "--actor", "--db"}
LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def wrong_with(words: list[str]) -> str:
    """What is wrong with a command line, empty if nothing is."""
    program, *rest = words
    named = [word for word in rest if not word.startswith("-")]
    if not rest or rest[0] in OTHERS or not named or named[0].isupper():
        return ""
    try:
        command, used = find(ROOTS[program], named)
    except UsageError as error:
        # a group alone (``gt mail …``) stands for its commands
        is_group = any(row.name.startswith(named[0] + " ") for row in ROOTS[program].commands)
        return "" if len(named) == 1 and is_group else str(error)
    spoken = " ".join(named[:used])
    if spoken != command.name and spoken not in [
        " ".join([*command.name.split()[:-1], one]) for one in command.aliases
    ]:
        return f"{program} {spoken} is short for {command.name}"
    parser = ArgumentParser(add_help=False)
    handlers(command)[0](parser)
    takes_words = any(not action.option_strings for action in parser._actions)
    if not takes_words and rest[used : used + 1] == named[used : used + 1] != []:
        return f"{program} {command.name} takes no word {named[used]}"
    known = {option for action in parser._actions for option in action.option_strings} | GLOBAL
    if "--" in rest:
        rest = rest[: rest.index("--")]
    options = [word.partition("=")[0] for word in rest if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)]
    lacking = [option for option in options if option not in known]
    return f"{program} {command.name} has no {' '.join(lacking)}" if lacking else ""


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_commands_that_it_names_exist(page: Path) -> None:
    wrong = {" ".join(words): why for words in commands_of(page) if (why := wrong_with(words))}
    assert not wrong


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert wrong_with(["gt", "slung", "x"])
    assert wrong_with(["gt", "sling", "x", "--no-such-option"])
    assert wrong_with(["gt", "convoy", "creat", "x"]) and wrong_with(["gt", "status", "shop"])
    assert not wrong_with(["gt", "sling", "x", "shop", "--dry-run"])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_its_links_lead_to_files_of_this_project(page: Path) -> None:
    links = [one or other for one, other in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))]
    gone = [
        link
        for link in links
        if not re.match(r"[a-z]+:|#", link) and not (page.parent / link.partition("#")[0]).exists()
    ]
    assert not gone


def test_decisions_are_numbered_one_after_the_other_and_say_their_number() -> None:
    found = sorted(Path("docs", "adr").glob("*.md"))
    assert [int(one.name[:4]) for one in found] == list(range(1, len(found) + 1))
    for one in found:
        assert one.read_text(encoding="utf-8").startswith(f"# {int(one.name[:4])}. "), one.name
