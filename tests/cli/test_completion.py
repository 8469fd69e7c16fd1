"""Completion: which words fit, from the command table and from the town, and the same in real shells."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gastown_cli import bd as bd_table
from gastown_cli import gt as gt_table
from gastown_cli.completion.values import FREE, KINDS, SOURCES, kinds_of
from gastown_cli.completion.words import Candidate, answer, arguments_of, candidates
from gastown_cli.lazy import Root
from gastown_core.tmux.server import TmuxServer
from gastown_core.town.crew import add_crew
from tests.support.cli import bd, gt
from tests.support.patience import until
from tests.support.rigged import Rigged, write
from tests.support.tmux import needs_tmux, screen, start_plain

GT, BD = gt_table.ROOT, bd_table.ROOT


def fit(*words: str, root: Root = GT) -> list[str]:
    """The values that fit behind all words but the last, which is being typed."""
    return [one.value for one in candidates(root, words[:-1], words[-1])]


@pytest.fixture
def here(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> Rigged:
    monkeypatch.chdir(rigged.root)
    return rigged


def test_commands_and_subcommands_come_from_the_table() -> None:
    assert "polecat" in fit("pol")
    assert "polecats" not in fit("pol")
    assert fit("polecat", "nu") == ["nuke"]
    assert fit("formulas", "sh") == ["show"]
    assert Candidate("nuke", next(row.help for row in GT.commands if row.name == "polecat nuke")) in candidates(
        GT, ["polecat"], "n"
    )
    assert fit("--json", "-C", "/tmp", "doct") == ["doctor"]
    assert fit("-C", "doct") == []


def test_options_are_offered_by_their_long_names_until_they_are_given() -> None:
    assert fit("costs", "--b") == ["--by"]
    assert fit("costs", "--by", "day", "--b") == []
    assert fit("costs", "--by", "d") == ["day"]
    assert fit("costs", "--by=d") == ["--by=day"]
    assert fit("costs", "--", "--b") == []
    assert "--label" in fit("list", "--label", "x", "--l", root=BD), "an option that repeats stays"
    assert not any(value == "--hard" for value in fit("delete", "--", root=BD)), "what help hides stays hidden"


def test_allowed_values_follow_the_choices_and_the_metavar() -> None:
    assert fit("daemon", "st") == ["start", "stop", "status"]
    assert fit("completion", "") == ["bash", "zsh", "fish", "powershell"]
    assert fit("maintain", "b") == ["backup"]


def test_beads_come_with_their_titles_open_ones_first(here: Rigged) -> None:
    bead = here.file("Mend the roof")
    done = here.file("Long done")
    gt("close", done.id, "--reason", "done", cwd=here.root)
    assert Candidate(bead.id, "Mend the roof") in candidates(GT, ["sling"], "sh-")
    assert done.id not in fit("sling", "")
    assert fit("sling", done.id) == [done.id], "one that is typed out is found, whatever its state"
    assert fit("reopen", "sh-", root=BD) == [done.id]
    assert fit("sling", bead.id, bead.id) == [], "no value twice"
    assert "shop" in fit("sling", bead.id, "")


def test_agents_rigs_formulas_and_settings_are_the_town_s(here: Rigged) -> None:
    add_crew(here.root, "shop", "ada")
    assert "shop/crew/ada" in fit("nudge", "shop/c")
    assert fit("rig", "status", "s") == ["shop"]
    assert "shiny" in fit("formula", "show", "shi")
    assert fit("config", "set", "cli_th") == ["cli_theme"]
    assert fit("config", "set", "cli_theme", "") == ["auto", "dark", "light"]
    assert fit("config", "set", "--rig", "shop", "cli_th") == [], "a rig has settings of its own"
    assert "sling" in fit("feed", "--type", "sl")
    assert "witness:shop" in fit("patrol", "scan", "")
    assert fit("import", "", root=BD) == [":files"]


def test_labels_after_a_comma_are_further_ones(here: Rigged) -> None:
    here.file("One", labels=["red", "blue"])
    os.chdir(os.path.join(here.root, "shop"))
    assert set(fit("list", "--label", "", root=BD)) >= {"red", "blue"}
    assert "tombstone" not in fit("list", "--status", "", root=BD)
    assert all(value.startswith("open,") for value in fit("list", "--status", "open,", root=BD))


def test_outside_a_town_and_in_a_broken_one_nothing_fits_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rigged: Rigged
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fit("sling", "x") == []
    assert fit("nudge", "") == []
    assert fit("no-such-command", "") == []
    assert answer(GT, []) != []
    Path(rigged.root, "mayor", "rigs.json").write_text("[" * 3000)
    monkeypatch.chdir(rigged.root)
    assert fit("rig", "status", "") == []
    assert gt("__complete", "rig", "status", ".", cwd=rigged.root) == (0, "", "")


def test_control_characters_of_a_title_reach_no_terminal(here: Rigged) -> None:
    here.file("red \x1b[31m and\ttabbed\nlines")
    (line,) = [line for line in answer(GT, ["sling", ".sh-"]) if "red" in line]
    assert "\x1b" not in line
    assert line.count("\t") == 1
    assert "\n" not in line


EVIL = (
    "$(touch pwned)",
    "a;touch pwned",
    "a`x`",
    "a b",
    "a&b",
    "a|b",
    "a>b",
    "a'b",
    'a"b',
    "a*",
    "a\\b",
    "~a",
    "!a",
    "a{b,c}",
    "a\x1b[31m",
)


@pytest.mark.parametrize("name", EVIL)
def test_no_name_that_a_shell_would_interpret_is_inserted(here: Rigged, name: str) -> None:
    bead = here.file(title="plain")
    ledger = Path(here.root, "shop", ".beads", "issues.jsonl")
    record = json.loads(ledger.read_text().splitlines()[-1])
    write(str(ledger), ledger.read_text() + json.dumps({**record, "id": f"sh-{name}"}) + "\n")
    Path(here.root, "shop", "crew", name).mkdir(parents=True)
    assert fit("show", "sh-", root=BD) == [bead.id]
    assert not [value for value in fit("peek", "") if name in value]


@pytest.mark.parametrize("root", [GT, BD], ids=["gt", "bd"])
def test_every_positional_says_what_it_takes(root: Root) -> None:
    unknown = []
    for row in root.commands:
        options, positionals = arguments_of(row)
        for one in positionals:
            if (
                not one.choices
                and not one.named
                and one.dest not in FREE
                and kinds_of(one, root.program, row.name) is None
            ):
                unknown.append(f"{root.program} {row.name} {one.dest}")
        assert len({name for one in options for name in one.names}) == sum(len(one.names) for one in options)
    assert unknown == [], "name them in KINDS or FREE of gastown_cli/completion/values.py"


def test_every_kind_has_a_source_and_every_key_an_argument() -> None:
    assert {kind for kinds in KINDS.values() for kind in kinds.split()} <= SOURCES.keys()
    known = set()
    for root in (GT, BD):
        for row in root.commands:
            for one in (*arguments_of(row)[0], *arguments_of(row)[1]):
                head = row.name.split()[0]
                known |= {one.dest, f"{root.program} {one.dest}", f"{root.program} {head} {one.dest}"}
                known.add(f"{root.program} {row.name} {one.dest}")
    assert set(KINDS) <= known, "keys of KINDS that no command has"


def wrappers(folder: Path) -> str:
    """A PATH with gt and bd of this checkout."""
    folder.mkdir(exist_ok=True)
    for program in ("gt", "bd"):
        path = folder / program
        here = Path(__file__).parents[2]
        code = f"import sys; sys.argv[0] = {program!r}; from gastown_cli.main import {program} as main; main()"
        path.write_text(f'#!/bin/sh\nPYTHONPATH={here} exec {sys.executable} -c "{code}" "$@"\n')
        path.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def in_bash(root: str, path: str, line: str, *, program: str = "gt", options: str = "", menu: int = 9) -> list[str]:
    """What bash offers at the end of ``line``."""
    script = f"""
        source <({program} completion bash {options})
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_TYPE={menu} COLUMNS=80
        read -ra COMP_WORDS <<< "$(sed 's/\\([=:]\\)/ \\1 /g' <<< "$COMP_LINE")"
        [[ $COMP_LINE == *[[:space:]=:] ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _{program}_complete 2>&1
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=root,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_bash_lists_with_meanings_and_inserts_plain_words(rigged: Rigged, tmp_path: Path) -> None:
    path = wrappers(tmp_path / "bin")
    first, second = rigged.file("Mend the roof"), rigged.file("Paint the door")
    listed = in_bash(rigged.root, path, "gt sling sh-")
    assert f"{first.id}  (Mend the roof)" in listed
    assert in_bash(rigged.root, path, f"gt sling {second.id}") == [second.id]
    assert in_bash(rigged.root, path, "gt sling sh-", menu=37) == [line.split()[0] for line in listed]
    assert first.id in in_bash(rigged.root, path, "gt sling sh-", options="--no-descriptions")
    assert in_bash(rigged.root, path, "gt costs --by=d") == ["day"], "bash keeps what stands before ="
    assert in_bash(rigged.root, path, "gt patrol scan witness:s") == ["shop"]
    assert in_bash(rigged.root, path, "bd reo", program="bd") == ["reopen"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
def test_fish_completes(rigged: Rigged, tmp_path: Path) -> None:
    bead = rigged.file("Mend the roof")
    env = {**os.environ, "PATH": wrappers(tmp_path / "bin"), "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}

    def fish(line: str, options: str = "") -> list[str]:
        script = f"gt completion fish {options} | source; complete -C '{line}'"
        words = ["fish", "--no-config", "-c", script]
        return subprocess.run(
            words, cwd=rigged.root, env=env, capture_output=True, text=True, timeout=60, check=True
        ).stdout.splitlines()

    assert f"{bead.id}\tMend the roof" in fish("gt sling sh-")
    assert bead.id in fish("gt sling sh-", "--no-descriptions")
    assert [line.split("\t")[0] for line in fish("gt costs --by=d")] == ["--by=day"]


@needs_tmux
@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh here")
def test_zsh_completes(rigged: Rigged, tmp_path: Path, server: TmuxServer) -> None:
    one, two = rigged.file("Mend the roof"), rigged.file("Paint the door")
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "_gt").write_text(gt("completion", "zsh", cwd=rigged.root).out)
    (tmp_path / ".zshrc").write_text(
        f"PATH={wrappers(tmp_path / 'bin')}; PS1='ready> '; fpath=({tmp_path}/functions $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/dump\n"
    )
    pane = start_plain(server, "gt-opal", "zsh", "-i", cwd=rigged.root, ZDOTDIR=str(tmp_path))
    until(lambda: "ready>" in screen(server, pane), "the prompt")
    server.run("send-keys", "-t", pane.pane_id, "gt sling sh-", "Tab")
    until(lambda: "Mend the roof" in screen(server, pane), "the beads with their titles", 30)
    assert one.id in screen(server, pane)
    assert two.id in screen(server, pane)
    server.run("send-keys", "-t", pane.pane_id, "C-u")
    server.run("send-keys", "-t", pane.pane_id, "gt patrol scan witn", "Tab")
    until(lambda: "witness:shop" in screen(server, pane), "a value with a colon", 30)


def test_a_shell_that_is_not_known_is_refused(rigged: Rigged) -> None:
    assert gt("completion", "tcsh", cwd=rigged.root).code == 2
    assert bd("completion", "zsh", cwd=rigged.root).out.startswith("#compdef bd")
