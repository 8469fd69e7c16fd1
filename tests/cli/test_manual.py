"""The manual: topics, what gt help answers, and man pages that their tools accept."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gastown_cli.bd import ROOT as BD
from gastown_cli.completion.words import arguments_of, candidates
from gastown_cli.gt import ROOT as GT
from gastown_cli.lazy import find
from gastown_cli.manual.help import help_for
from gastown_cli.manual.pages import all_pages, roff, write_pages
from gastown_cli.manual.topics import TEXTS, TOPICS, find_topic, text_of
from gastown_core.errors import UsageError
from gastown_core.town.settings_table import TABLES
from gastown_tui.keys import ACTIONS


def test_every_text_is_a_topic_and_every_topic_has_a_text() -> None:
    assert [topic.name for topic in TOPICS] == sorted(path.stem for path in Path(TEXTS).glob("*.md"))


def test_topics_show_every_row_of_their_tables() -> None:
    settings, keys = text_of(find_topic("settings")), text_of(find_topic("keys"))
    assert [row.key for rows in TABLES.values() for row in rows if f"| {row.key} |" not in settings] == []
    assert [action.id for action in ACTIONS if action.help not in keys] == []


def test_commands_in_topics_are_commands_with_these_options() -> None:
    typed = [line.strip() for topic in TOPICS for line in text_of(topic).split("\n") if line.startswith("    ")]
    assert len(typed) > 30
    for line in typed:
        program, *words = shlex.split(line.split("  ")[0].split(" | ")[0])
        root = {"gt": GT, "bd": BD}[program]
        command, used = find(root, words)
        assert {word for word in words[used:] if word.startswith("--")} <= options_of(command), line


def options_of(command) -> set[str]:
    return {name for option in arguments_of(command)[0] for name in option.names}


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], "Topics"),
        (["topics"], "exit-codes"),
        (["exit-codes"], "wrong usage"),
        (["exit"], "wrong usage"),
        (["sling"], "usage: gt sling"),
        (["convoy"], "convoy launch"),
        (["convoy", "add"], "usage: gt convoy add"),
        (["hooks"], "hooks repair"),
        (["hooks"], "Hook files of agent programs"),
    ],
)
def test_help_answers_for_commands_groups_and_topics(words: list[str], shown: str) -> None:
    assert shown in help_for(GT, words)


def test_a_word_that_is_neither_gets_near_matches() -> None:
    with pytest.raises(UsageError) as told:
        help_for(GT, ["setings"])
    assert "settings" in told.value.hint


def test_help_is_completed_with_commands_and_topics() -> None:
    assert [one.value for one in candidates(GT, ["help"], "sett")] == ["settings"]
    assert [one.value for one in candidates(GT, ["help"], "slin")] == ["sling"]


def test_every_command_and_option_is_in_a_man_page() -> None:
    pages = all_pages()
    for root in (GT, BD):
        for row in root.commands:
            page = pages[f"{root.program}-{row.name.split()[0]}.1"]
            assert roff(f"{root.program} {row.name}") in page, row.name
            for option in options_of(row):
                assert f"\\fB{roff(option)}\\fR" in page, f"{row.name} {option}"


def test_text_of_ours_cannot_become_a_request_of_the_page() -> None:
    assert roff(".so /etc/passwd\n'x") == "\\&.so /etc/passwd\n\\&'x"
    assert roff("a-b \\n …") == "a\\-b \\en \\[u2026]"


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_mandoc_finds_nothing_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *write_pages(str(tmp_path))], capture_output=True, text=True
    )
    assert done.stdout + done.stderr == ""


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_groff_shows_every_page_without_a_warning(tmp_path: Path) -> None:
    # all pages in one run: a process for each would take seconds
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-rLL=200n", *write_pages(str(tmp_path))], capture_output=True, text=True
    )
    assert done.stderr == ""
    assert "gt convoy launch" in done.stdout and "GT-EXIT-CODES(7)" in done.stdout
