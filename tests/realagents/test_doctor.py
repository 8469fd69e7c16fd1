"""What ``gt doctor agents`` says is what the programs do, and after ``--fix`` they start without a question."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.realagents.asking import TRIES, choose, drawn_question, number_of
from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import KEY, READY, Seed
from tests.realagents.oracle import comes_to
from tests.realagents.patience import comes_true, looks
from tests.realagents.records import IDLE
from tests.realagents.world import PREFIX, RIG, Agent, World

CLAUDES = ("claude", "claude@2.1.197")
ALL = (*CLAUDES, "codex", "gemini")
UNTRUSTED = replace(READY, trusted=False)
WRITTEN_S = 3.0
"""How long an idle machine waits until what was chosen is on disk, and others for as many looks."""
TRUST_WORDS = ("Yes, I trust this folder", "Trust and continue", "Do you trust the files in this folder?")


def findings(world: World, *options: str, **env: str) -> list[dict[str, Any]]:
    """What the doctor finds; the exit code says whether it found something."""
    ran = world.gt("doctor", "agents", "--json", *options, check=False, **env)
    told = ran.json
    assert ran.code == (0 if told["well"] else 1), ran
    found: list[dict[str, Any]] = told["findings"]
    return found


def kinds(world: World, *options: str, **env: str) -> set[str]:
    return {one["check"] for one in findings(world, *options, **env)}


def codex_world(make: MakeWorld, seed: Seed = READY) -> World:
    """A world in which codex trusts all folders."""
    world = make("codex", seed=seed)
    world.gt("doctor", "agents", "--fix", "--yes", check=False)
    return world


def crew(world: World) -> Agent:
    """A crew member, started; its folder is trusted by nobody unless the doctor did it."""
    world.gt("session", "start", f"{RIG}/crew/joe")
    return Agent(world, f"{RIG}/crew/joe", f"{PREFIX}-crew-joe", world.programs[0].command)


@pytest.mark.parametrize("program", ALL)
def test_an_untrusted_folder_is_told_and_after_the_fix_nothing_is_asked(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program, seed=UNTRUSTED)
    world.gt("crew", "add", "joe", "--rig", RIG)
    assert kinds(world) == {"trust"}
    world.mayor().shows(*TRUST_WORDS)
    world.gt("mayor", "stop")

    assert findings(world, "--fix", "--yes") == []

    mayor, joe = world.mayor(), crew(world)
    world.answered("[GAS TOWN] mayor")
    world.answered("[GAS TOWN] crew joe")
    assert not any(word in agent.screen() for agent in (mayor, joe) for word in TRUST_WORDS)


@pytest.mark.parametrize("program", CLAUDES)
def test_an_empty_git_folder_above_a_town_is_a_repository(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program, seed=UNTRUSTED)
    Path(world.root, ".git").rename(Path(world.root, "no-git"))
    (world.base / ".git").mkdir()
    doubt = f"Claude Code does not trust {world.base}"
    assert doubt in [one["what"] for one in findings(world)]

    mayor = world.mayor()
    asked = drawn_question(mayor)
    assert mayor.told()["health"] == "waiting"
    choose(mayor, number_of(asked, "Yes, I trust"), asked)

    world.answered("[GAS TOWN] mayor")
    assert trusted(world) == [str(world.base)], "it keeps the answer under the folder that we named"
    assert doubt not in [one["what"] for one in findings(world)]


def trusted(world: World) -> list[str]:
    record = json.loads((world.home / ".claude" / ".claude.json").read_text())
    return [folder for folder, told in record["projects"].items() if told.get("hasTrustDialogAccepted")]


@pytest.mark.parametrize("program", ALL)
def test_a_polecat_that_is_made_after_the_fix_is_asked_nothing(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program, seed=UNTRUSTED)
    assert findings(world, "--fix", "--yes") == []

    world.polecat(world.file("Leave a note"))

    world.answered("[GAS TOWN] polecat")


@pytest.mark.parametrize("program", [*CLAUDES, "gemini"])
def test_a_first_run_is_told_and_after_the_fix_none_is_made(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program, seed=replace(READY, onboarded=False))
    assert kinds(world) == {"setup"}

    assert findings(world, "--fix", "--yes") == []

    world.mayor()
    world.answered("GAS TOWN")


def test_a_missing_folder_of_codex_is_told_and_made(agent_world: MakeWorld) -> None:
    world = agent_world("codex")
    place = str(world.home / "elsewhere")
    ran = world.gt("session", "start", "mayor", check=False, CODEX_HOME=place)
    comes_true(lambda: not Agent(world, "mayor", "hq-mayor", "codex").pane_pid(), f"codex ends without {place}: {ran}")
    world.tmux("kill-server")
    found = findings(world, CODEX_HOME=place)
    assert [one["check"] for one in found] == ["setup"] and place in found[0]["what"]

    assert "setup" not in {one["check"] for one in findings(world, "--fix", "--yes", CODEX_HOME=place)}
    assert os.path.isdir(place)


@pytest.mark.parametrize("program", CLAUDES)
def test_a_key_that_is_not_approved_is_told_and_left_to_its_owner(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program, seed=replace(READY, key_approved=False))
    (found,) = findings(world, "--fix", "--yes")

    assert (found["check"], found["fixable"]) == ("key", False)
    assert KEY[-20:] not in (world.home / ".claude" / ".claude.json").read_text()
    world.mayor().shows("Do you want to use this API key?")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("claude", ("Select login method", "/login")),
        ("gemini", ("How would you like to authenticate", "API key", "API Key")),
    ],
)
def test_a_program_that_is_not_logged_in_is_told(agent_world: MakeWorld, program: str, words: tuple[str, ...]) -> None:
    world = agent_world(program, seed=replace(READY, logged_in=False))
    assert kinds(world) == {"login"}

    world.mayor().shows(*words)


def test_a_key_that_codex_misses_is_told(agent_world: MakeWorld) -> None:
    world = codex_world(agent_world, replace(READY, logged_in=False))
    (found,) = findings(world)
    assert (found["check"], found["what"]) == ("login", "STANDIN_KEY is not set")

    world.mayor().shows("Missing environment variable")


@pytest.mark.parametrize("program", CLAUDES)
def test_bypassed_permissions_are_accepted_by_our_own_file(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program, seed=replace(READY, bypass_accepted=False))
    assert findings(world) == []

    world.mayor()
    world.answered("GAS TOWN")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
@pytest.mark.parametrize("program", CLAUDES)
def test_claude_as_root_is_told_and_refuses(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    world.env.pop("IS_SANDBOX")
    assert kinds(world) == {"root"}

    ran = world.gt("mayor", "start", check=False)

    assert "refuses bypassed permissions as root" in ran.err
    mayor = Agent(world, "mayor", "hq-mayor", "claude")
    comes_true(lambda: not mayor.pane_pid(), "it ends")


def test_hooks_of_codex_wait_for_a_review_until_a_person_trusts_them(agent_world: MakeWorld) -> None:
    world = codex_world(agent_world)
    hook = {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "true"}]}]}}
    (world.home / ".codex" / "hooks.json").write_text(json.dumps(hook))
    assert kinds(world) == {"review"}

    for _ in range(TRIES):
        mayor = world.mayor()
        asked = drawn_question(mayor)
        choose(mayor, number_of(asked, "Trust all"), asked)
        world.answered("GAS TOWN")
        if any(findings(world) == [] for _ in looks(WRITTEN_S)):
            return
        # seen once: it went on, and its trust never came to disk; the doctor tells so, and the next start asks again
        assert "Hooks need review" not in mayor.screen() and kinds(world) == {"review"}
        world.gt("mayor", "stop")
    pytest.fail(f"codex never keeps its trust: {(world.home / '.codex' / 'config.toml').read_text()}")


def test_variables_that_do_not_reach_agents_are_told(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    world.mayor()
    assert findings(world) == []

    (found,) = findings(world, ANTHROPIC_BASE_URL="http://127.0.0.1:1")
    assert (found["check"], found["fixable"]) == ("variables", False)
    assert found["what"].startswith("ANTHROPIC_BASE_URL") and "127.0.0.1" not in json.dumps(found)


def test_a_claude_that_runs_keeps_what_the_fix_wrote(agent_world: MakeWorld) -> None:
    world = agent_world("claude")
    mayor = world.mayor()
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    world.gt("crew", "add", "joe", "--rig", RIG)
    assert kinds(world) == {"trust"}

    findings(world, "--fix", "--yes")
    # it writes its record at the end of a session
    mayor.say("/exit")
    comes_true(lambda: not mayor.pane_pid(), "it ends")

    assert findings(world) == []
    record = json.loads(Path(world.home / ".claude" / ".claude.json").read_text())
    assert record["numStartups"] >= 1 and record["customApiKeyResponses"]["approved"] == [KEY[-20:]]
