"""The answers of the stand-in model: the first rule whose words are in the last typed text.

| words | what happens |
|---|---|
| ``SLOW 5`` | the answer streams for five seconds |
| ``TOOLWAIT 5`` | a shell call that takes five seconds |
| ``RUN `cmd` `` | a shell call; ``ESCALATE `cmd` `` asks codex for more rights |
| ``WRITE path`` | a file is written |
| ``ASKME`` | a question to the user, where the program has a tool for it |
| ``PASS429 2`` | refused twice with 429, to be tried again after a second (``PASS429 2 after 6``: six); the third time it passes |
| ``LIMIT429`` | 429, not to be tried again; ``RETRY429`` to be tried again after 30 s; ``FIVEHOUR`` the five-hour limit |
| ``OVER529``, ``PASS529 2`` | overloaded for ever, overloaded twice |
| ``AUTH401``, ``CREDIT400`` | the key is refused, the credit is used up |
| ``BUILD name: a, b`` | what the mayor's briefing says, step by step: its commands with the words in capitals filled in, then a report |
| a start as witness, deacon or refinery, patrol findings | what the briefing says: a cycle is begun; who is named is nudged; the cycle is reported |
| ``LEAVE FINDINGS`` | from then on, patrol findings are read and nothing is done |
| a work assignment to a polecat | ``gt hook``, the function or README that its title asks for or a note, a commit, ``gt done``; ``LAZY`` in the bead stops after the first unless the text says ``to its end``, ``SLEEPY`` waits there |
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.realagents.standin.conversation import Asked
from tests.realagents.standin.usage import Served

SHELL, WRITE, ASK, RAW = "shell", "write", "ask", "raw"
RESET = "1795750000"
"""When the five-hour limit ends: Unix seconds."""

_SIDE = '{"title": "A task", "isNewTopic": true, "reasoning": "x", "next_speaker": "user", "model_choice": "flash"'
_SIDE_ANSWER = _SIDE + ', "complexity_score": 10, "complexity_reasoning": "x"}'


@dataclass(frozen=True)
class Reply:
    """What is answered: text and a call, or a status; ``delay`` before the first byte, ``slow`` over the whole text."""

    text: str = ""
    call: tuple[str, Any] | None = None
    delay: float = 0.0
    slow: float = 0.0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    served: Served = field(default_factory=Served)


def reply(asked: Asked) -> Reply:
    """What the stand-in says to that request."""
    if not asked.is_main:
        return Reply(_SIDE_ANSWER if _wants_json(asked) else "ok")
    text = asked.user
    at = text.rfind("[from ")
    text = text[at:] if at > 0 else text
    if text.lstrip().startswith(("You are analyzing", "[SUGGESTION MODE")):
        return Reply("")
    return (
        _refusal(text, asked.attempt)
        or _act(text, asked.done)
        or _build(text, asked)
        or _patrol(text, asked)
        or _work(text, asked)
        or Reply(f"Heard {len(text)} characters: {text[-200:]}")
    )


def _wants_json(asked: Asked) -> bool:
    system = asked.system.lower()[:4000]
    return asked.protocol == "gemini" or "json" in system or "title" in system


def _act(text: str, done: int) -> Reply | None:
    """Slow answers and calls: once, then the turn ends."""
    if done:
        return None
    if found := re.search(r"SLOW (\d+)", text):
        return Reply("Thinking it over step by step. " * 20, slow=float(found[1]))
    if found := re.search(r"TOOLWAIT (\d+)", text):
        return Reply("I wait.", (SHELL, _wait(found[1])))
    if found := re.search(r"RUN `([^`]+)`", text):
        return Reply("I run it.", (SHELL, found[1]))
    if found := re.search(r"ESCALATE `([^`]+)`", text):
        more = {"sandbox_permissions": "require_escalated", "justification": "Need to write outside"}
        return Reply("I ask.", (RAW, ("exec_command", {"cmd": found[1], **more})))
    if found := re.search(r"WRITE (\S+)", text):
        return Reply("I write it.", (WRITE, (found[1], "hello\n")))
    if "ASKME" in text:
        return Reply("A question.", (ASK, "Which colour?"))
    return None


def _wait(seconds: int | str) -> str:
    """A call that takes so long; Claude Code refuses a long ``sleep``."""
    return f"timeout {seconds} tail -f /dev/null; echo waited"


def _refusal(text: str, attempt: int) -> Reply | None:
    final = {"x-should-retry": "false"}
    if found := re.search(r"PASS(429|529) (\d+)(?: after (\d+))?", text):
        again = {"retry-after": found[3] or "1"}
        return Reply(status=int(found[1]), headers=again) if attempt <= int(found[2]) else None
    if "LIMIT429" in text:
        return Reply(status=429, headers=final)
    if "FIVEHOUR" in text:
        kind = "anthropic-ratelimit-unified"
        told = {"status": "rejected", "reset": RESET, "representative-claim": "five_hour", "overage-status": "rejected"}
        return Reply(status=429, headers=final | {f"{kind}-{name}": value for name, value in told.items()})
    if "RETRY429" in text:
        return Reply(status=429, headers={"retry-after": "30"})
    if "OVER529" in text:
        return Reply(status=529)
    if "AUTH401" in text:
        return Reply("invalid x-api-key", status=401)
    if "CREDIT400" in text:
        return Reply("Your credit balance is too low to access the Anthropic API.", status=400)
    return None


def _build(text: str, asked: Asked) -> Reply | None:
    """A mayor that knows nothing but its briefing: its commands, in its order; without them it can only say so."""
    known = "\n".join([*asked.said, *asked.results])
    if letter := re.search(r"Convoy landed: .*\((gt mail read [\w-]+)\)", text):
        convoys = [found for _, words in asked.turns for found in re.findall(r"hq-cv-\w+", words)]
        shows = re.findall(r"^ +(gt convoy show) CONVOY$", known, re.MULTILINE)
        steps = [letter[1], *(f"{show} {convoy}" for show, convoy in zip(shows[:1], convoys[-1:], strict=False))]
        if asked.done < len(steps):
            return Reply("I look.", (SHELL, steps[asked.done]))
        return Reply(f"REPORT {''.join(convoys[-1:])} landed: {' '.join(asked.results)[-200:]}")
    wish = re.search(r"BUILD ([^:]+): (\w+), (\w+)", text)
    if wish is None:
        return None
    recipe = re.findall(r"^ {5}((?:bd|gt) .*)$", known, re.MULTILINE)[:4]
    if len(recipe) < 4:
        return Reply("NO RECIPE: nobody told me how to build.")
    create, depend, bundle, sling = recipe
    name, first, second = wish.groups()
    told = "\n".join(asked.results)
    beads = list(dict.fromkeys(re.findall(r"\bsh-\w+", told)))[:2] + ["", ""]
    steps = (
        (create, {"TITLE": first, "RIG": "shop"}),
        (create, {"TITLE": second, "RIG": "shop"}),
        (depend, {"LATER": beads[1], "EARLIER": beads[0]}),
        (bundle, {"NAME": name, "BEADS": f"{beads[0]} {beads[1]}"}),
        (sling, {"READY-BEADS": beads[0], "RIG": "shop"}),
    )
    if asked.done < len(steps):
        line, words = steps[asked.done]
        quoted = re.sub(r'"([A-Z ]+)"', lambda found: f'"{words.get(found[1], found[1].lower())}"', line)
        filled = re.sub(r"\b[A-Z][A-Z-]+\b", lambda found: words.get(found[0], found[0]), quoted)
        return Reply(f"Step {asked.done + 1} of my briefing.", (SHELL, filled))
    convoy = "".join(re.findall(r"hq-cv-\w+", told)[:1])
    return Reply(f"REPORT {convoy} {name}: {beads[0]} is given out, {beads[1]} waits for it.")


def _patrol(text: str, asked: Asked) -> Reply | None:
    """A role's own agent: begins the patrol that its briefing names, and helps those whom findings name, by its commands."""
    known = "\n".join([*asked.said, *asked.results])
    new, report = (
        "".join(re.findall(rf"^(gt patrol {word}\b.*?)  ", known, re.MULTILINE)[:1]) for word in ("new", "report")
    )
    nudge = "".join(re.findall(r"^(gt nudge AGENT TEXT)  ", known, re.MULTILINE)[:1])
    if found := re.search(r"Patrol findings\. ([\w/-]+):", text):
        if "LEAVE FINDINGS" in known:
            return Reply(f"LEFT {found[1]}")
        words = {
            "AGENT": found[1],
            "TEXT": "'Work is on your hook, polecat: carry it to its end.'",
            '"WHAT"': f"'nudged {found[1]}'",
        }
        steps = [re.sub(r'AGENT|TEXT|"WHAT"', lambda one: words[one[0]], line) for line in (nudge, report) if line]
        if len(steps) < 2:
            return Reply("NO COMMANDS: nobody told me how to help.")
        return Reply("I help.", (SHELL, steps[asked.done])) if asked.done < 2 else Reply(f"HELPED {found[1]}")
    if not re.search(r"\[GAS TOWN\] (witness|deacon|refinery)", text):
        return None
    steps = ["gt prime", *([new] if "begin a patrol" in known else []), "gt mol status"]
    if asked.done < len(steps):
        return Reply("I begin.", (SHELL, steps[asked.done]))
    return Reply("PATROL BEGUN" if "mol-" in " ".join(asked.results) else "NO PATROL: nobody gave me one.")


def _written(known: str) -> str:
    """The call that does what the bead's title asks for: a function, a README, and else a note."""
    if found := re.search(r"Add a function (\w+)\(name\) to (\w+\.py)", known):
        name, path = found.groups()
        code = f'def {name}(name):\\n    return f"{name}, {{name}}!"\\n'
        if name < "greet":
            # in the order of the alphabet, so that two of them do not meet at the end of the file
            return f"printf '{code}\\n\\n' | cat - {path} > new && mv new {path}; cat {path}"
        return f"printf '\\n\\n{code}' >> {path}; cat {path}"
    if found := re.search(r"Describe (\w+) in a README", known):
        return f"grep -q 'def {found[1]}' *.py && printf '%s\\n' '{found[1]}(name) greets' >> README.md; cat README.md"
    return "pwd; git status -sb | head -3; date >> NOTES.md; echo '- the stand-in was here' >> NOTES.md; cat NOTES.md"


def _work(text: str, asked: Asked) -> Reply | None:
    """A polecat's bead, from its hook to the merge queue."""
    if not re.search(r"Work is on your hook|gt prime", text) or "polecat" not in text:
        return None
    known = "\n".join([*asked.said, *asked.results])
    if asked.done == 1 and "LAZY" in known and "to its end" not in text:
        return Reply("I think it is fine; shall I go on?")
    if asked.done == 1 and "SLEEPY" in known and "successor" not in known:
        return Reply("I wait.", (SHELL, _wait(100)))
    steps = (
        # a program without a hook of its own is told to brief itself
        "gt prime" if "`gt prime`" in text else "gt hook",
        _written(known),
        "git add -A && git commit -q -m 'Add a note' && git log --oneline | head -3",
        "gt done",
    )
    if asked.done < len(steps):
        return Reply(f"Step {asked.done + 1}.", (SHELL, steps[asked.done]), delay=0.2)
    return Reply("The bead is handed in.")
