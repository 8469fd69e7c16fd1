"""Whole days of real agents: a bead to main, several at once, nudges while busy, a hand-off, a restart, a limit, a refusal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.realagents.asking import choose, drawn_question, number_of, question, refuse_until_idle
from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import ONCE, check, comes_to, is_once, look, settled, whereabouts
from tests.realagents.patience import comes_true
from tests.realagents.records import IDLE, WAITING, own_record
from tests.realagents.world import WAIT, Agent, World

Record = Callable[[str, object], None]
WORKERS = ("claude", "claude@2.1.197", "codex")


def commits(world: World, branch: str = "main") -> list[str]:
    """Author, mail and subject of the commits that workers made, oldest first."""
    words = ["git", "-C", f"{world.base}/origin.git", "log", "--reverse", "--format=%an|%ae|%s", branch]
    done = subprocess.run(words, capture_output=True, text=True, env=world.env)
    return [line for line in done.stdout.splitlines() if "Add a note" in line]


def in_review(world: World, bead: str) -> bool:
    return bool(world.bd("show", bead, "--json").json[0]["status"] == "in_review")


def has_read(world: World, text: str) -> bool:
    """Whether that text has reached the model, in a prompt or in what a call gave."""
    return any(text in one for ask in world.asks() for one in (*ask["said"], *ask["results"]))


def conversations(world: World, text: str) -> set[str]:
    """The programs' own ids of the conversations in which that text stands."""
    return {ask["conversation"] for ask in world.asks() if any(text in one for one in (*ask["said"], *ask["results"]))}


def happens(check: Callable[[], object], what: str, *agents: Agent) -> None:
    """Wait for it; the agents' screens are printed if it does not happen."""
    try:
        comes_true(check, what, 90)
    except BaseException:
        for agent in agents:
            print(f"{agent.address}:\n{agent.screen()}")
        raise


def name_of(agent: Agent) -> str:
    return agent.address.rsplit("/", 1)[-1]


def starts(world: World, address: str) -> list[dict[str, object]]:
    lines = Path(world.root, ".events.jsonl").read_text(encoding="utf-8").splitlines()
    found = [event for line in lines if (event := json.loads(line))["type"] == "session_start"]
    return [event for event in found if event["actor"].rsplit("/", 1)[-1] == address.rsplit("/", 1)[-1]]


@pytest.mark.parametrize("program", WORKERS)
def test_a_bead_lands_on_main_under_its_workers_name(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    # a login shell that knows neither gt nor bd
    (world.home / ".bash_profile").write_text("export PATH=/usr/bin:/bin\n")
    (world.home / ".profile").write_text("export PATH=/usr/bin:/bin\n")
    bead = world.file("Leave a note")
    polecat = world.polecat(bead)
    happens(lambda: in_review(world, bead), "it is handed in", polecat)

    world.gt("refinery", "process", "shop", "--once")

    (line,) = commits(world)
    assert line == f"{name_of(polecat)}|shop.polecats.{name_of(polecat)}@gastown.local|Add a note"
    assert world.bd("show", bead, "--json").json[0]["status"] == "closed"


@pytest.mark.parametrize("program", ["claude", "codex"])
def test_two_of_one_runtime_keep_their_names_apart(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    beads = [world.file(f"Leave a note {number}") for number in range(2)]
    polecats = [world.polecat(bead) for bead in beads]
    assert len({one.address for one in polecats}) == 2
    for bead in beads:
        happens(lambda bead=bead: in_review(world, bead), f"{bead} is handed in", *polecats)

    authors = sorted(line.split("|")[1] for line in commits(world, "--all"))

    assert authors == sorted(f"shop.polecats.{name_of(one)}@gastown.local" for one in polecats)
    for one, bead in zip(polecats, beads, strict=True):
        row = world.bd("show", bead, "--json").json[0]
        assert row["assignee"].rsplit("/", 1)[-1] == name_of(one)


@pytest.mark.parametrize("program", ["claude", "codex"])
def test_a_handoff_keeps_the_work_and_the_note_reaches_the_successor(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    bead = world.file("A SLEEPY bead")
    polecat = world.polecat(bead)
    happens(lambda: has_read(world, "SLEEPY"), "it knows its bead", polecat)

    world.gt("handoff", polecat.address, "-y", "-s", "half done", "-m", "note-for-the-successor")

    happens(lambda: has_read(world, "note-for-the-successor"), "the successor reads the note", polecat)
    assert polecat.told().get("hook_bead") == bead
    assert len(starts(world, polecat.address)) == 2
    begun, ended = (conversations(world, text) for text in ("assigned:", "note-for-the-successor"))
    assert not begun & ended, "the successor is a conversation of its own"
    happens(lambda: in_review(world, bead), "the successor ends it", polecat)
    assert commits(world, "--all") == [f"{name_of(polecat)}|shop.polecats.{name_of(polecat)}@gastown.local|Add a note"]


@pytest.mark.parametrize("program", WORKERS)
def test_a_restart_with_resume_goes_on_with_the_conversation(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN", timeout_s=60)
    comes_to(mayor, IDLE)
    mayor.nudge("the password is swordfish", "--wait", WAIT)
    world.answered("swordfish")
    comes_to(mayor, IDLE)

    world.gt("session", "restart", "mayor", "--resume")
    world.answered("restart", timeout_s=60)
    comes_to(mayor, IDLE)
    receipts = mayor.nudge("what is it?", "--wait", WAIT)

    assert receipts[-1]["stage"] == "turn started", receipts
    world.answered("what is it?")
    last = [ask for ask in world.asks() if "what is it?" in ask["user"]][-1]
    assert any("swordfish" in text for text in last["said"])
    first = next(ask for ask in world.asks() if "swordfish" in ask["user"])
    assert last["conversation"] == first["conversation"], "the program's own id of its conversation"


@pytest.mark.parametrize("program", WORKERS)
def test_a_limit_that_passes_ends_in_an_answer_and_nobody_is_started_anew(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN", timeout_s=60)
    comes_to(mayor, IDLE)
    before = mayor.pane_pid()

    mayor.say("PASS429 2 after 6 and go on")

    comes_true(lambda: mayor.told()["health"] == "limited", "the limit is said")
    mayor.nudge("marker-after-limit")
    world.answered("PASS429 2 after 6 and go on", timeout_s=60)
    comes_to(mayor, IDLE)
    assert mayor.pane_pid() == before
    assert len(starts(world, "mayor")) == 1
    # the next one settles what is on the way
    mayor.nudge("marker-last", "--wait", WAIT)
    comes_true(lambda: whereabouts(world, "marker-after-limit") == ONCE, "the nudge is in one request")


@pytest.mark.parametrize("program", WORKERS)
def test_nudges_to_a_busy_one_are_each_in_one_place(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    world.answered("GAS TOWN")
    comes_to(mayor, IDLE)
    mayor.say("SLOW 3 at first")
    world.asked("SLOW 3 at first")

    mayor.nudge("marker-two")
    mayor.nudge("marker-three")

    world.answered("SLOW 3 at first")
    comes_to(mayor, IDLE)
    for text in ("marker-two", "marker-three"):
        assert is_once(whereabouts(world, text)), whereabouts(world, text)
    # the next one settles what is on the way, and gives none of it again
    mayor.nudge("marker-four")
    comes_true(lambda: whereabouts(world, "marker-four")["delivered"], "the next one arrives")
    for text in ("marker-two", "marker-three", "marker-four"):
        assert settled(world, text) == ONCE


@pytest.mark.parametrize("program", ["claude", "codex"])
def test_each_agents_tools_know_whose_they_are(agent_world: MakeWorld, program: str) -> None:
    world = agent_world(program)
    mayor = world.mayor()
    polecats = [world.polecat(world.file(f"A LAZY bead {number}")) for number in range(2)]
    agents = [mayor, *polecats]
    for agent in agents:
        happens(lambda agent=agent: own_record(agent).state == IDLE, f"{agent.address} has nothing to do", *agents)

    # all at once, so that a process that two share would answer for the wrong one
    for agent in agents:
        agent.say(
            f"RUN `timeout 2 tail -f /dev/null; echo told-{name_of(agent)} $GT_ROLE $BD_ACTOR $GIT_AUTHOR_EMAIL; git var GIT_AUTHOR_IDENT`"
        )

    for agent in agents:
        happens(lambda agent=agent: told(world, agent), f"the tool of {agent.address} answers", *agents)
        email = f"{'mayor' if agent is mayor else f'shop.polecats.{name_of(agent)}'}@gastown.local"
        actor = "mayor" if agent is mayor else f"shop/polecats/{name_of(agent)}"
        role = actor
        first, ident = told(world, agent)
        assert first.split() == [f"told-{name_of(agent)}", role, actor, email]
        assert ident.startswith(f"{name_of(agent)} <{email}>"), ident


def told(world: World, agent: Agent) -> list[str]:
    """The two lines that the agent's tool printed; empty before it has."""
    for ask in world.asks():
        for result in ask["results"]:
            lines = plain(str(result)).splitlines()
            at = next((at for at, line in enumerate(lines) if line.startswith(f"told-{name_of(agent)} ")), -1)
            if at >= 0:
                return lines[at : at + 2]
    return []


def plain(result: str) -> str:
    """What a call gave, of a program that sends it in blocks, too."""
    try:
        blocks = json.loads(result)
    except ValueError:
        return result
    return "\n".join(map(str, blocks)) if isinstance(blocks, list) else result


@pytest.mark.parametrize("program", WORKERS)
def test_a_refused_permission_is_said_and_loses_no_bead(
    agent_world: MakeWorld, program: str, record_property: Record
) -> None:
    world = agent_world(program)
    bead = world.file("A LAZY bead")
    polecat = world.polecat(bead, world.careful())
    world.answered("assigned:", timeout_s=60)
    before = polecat.pane_pid()
    refuse_until_idle(polecat)
    word = "ESCALATE" if program == "codex" else "RUN"
    polecat.say(f"{word} `touch {world.base}/made`")
    check(polecat, "permission", WAITING, "waiting", record_property)
    asked = drawn_question(polecat)

    choose(polecat, number_of(asked, "No"), asked)

    seen = look(polecat, IDLE, "stopped-short")
    record_property("moment", (program, "refused", *seen))
    assert seen.after_s >= 0, seen
    assert not (world.base / "made").exists()
    assert polecat.told()["hook_bead"] == bead
    assert polecat.pane_pid() == before
    assert len(starts(world, polecat.address)) == 1
    # and it goes on when it is told to, with what it asks for permitted
    (last,) = polecat.nudge("polecat: Work is on your hook, bring it to its end", "--wait", WAIT)[-1:]
    assert last["stage"] == "turn started", last
    happens(lambda: in_review(world, bead) or permits(polecat), "it is handed in", polecat)
    world.gt("refinery", "process", "shop", "--once")
    assert commits(world) == [f"{name_of(polecat)}|shop.polecats.{name_of(polecat)}@gastown.local|Add a note"]
    assert world.bd("show", bead, "--json").json[0]["status"] == "closed"
    assert not (world.base / "made").exists()


def permits(agent: Agent) -> bool:
    """Answer Yes to the question on its screen, if there is one; False, as that is not the end of it."""
    asked = question(agent)
    if asked["can_answer"]:
        # by then it may have changed, which is refused and looked at again
        agent.world.gt("answer", agent.address, number_of(asked, "Yes"), "--expect", str(asked["id"]), check=False)
    return False
