"""Standing answers: which question a rule is meant for, and which rules are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.errors import ConflictError, NotFoundError, SettingsError, UsageError
from gastown_core.events.log import append_event
from gastown_core.messaging import standing_answers
from gastown_core.messaging.standing_answers import MOST_IN_A_ROW, Rule, apply_rules, rules_of
from gastown_core.model.order import Receipt
from gastown_core.runtimes.screen import ScreenReading
from tests.support.paper import Paper
from tests.support.rigged import Rigged

TRUST = ScreenReading(
    "dialog", "Do you trust the files in this folder?", ("1 No, exit", "2 Yes, I trust this folder"), 0
)
RULE = Rule("trust", "claude", "*trust the files*", "Yes, I trust this folder")


@pytest.mark.parametrize(
    ("runtime", "reading", "option"),
    [
        ("claude", TRUST, "2 Yes, I trust this folder"),
        ("claude", TRUST._replace(options=("Yes, I trust this folder", "No")), "Yes, I trust this folder"),
        ("claude", TRUST._replace(detail="DO YOU TRUST THE FILES HERE?"), "2 Yes, I trust this folder"),
        ("codex", TRUST, ""),
        ("claude", TRUST._replace(kind="permission"), ""),
        ("claude", TRUST._replace(kind="login"), ""),
        ("claude", TRUST._replace(detail="", text="Do you\ntrust the  files\nhere?"), "2 Yes, I trust this folder"),
        ("claude", TRUST._replace(cursor=-1), ""),
        ("claude", TRUST._replace(detail="Run rm -rf?"), ""),
        ("claude", TRUST._replace(options=("1 No, exit", "2 Yes, I trust this folder and all others")), ""),
        ("claude", TRUST._replace(options=("Yes, I trust this folder", "2 Yes, I trust this folder")), ""),
    ],
)
def test_a_rule_is_meant_for_its_own_question_only(runtime: str, reading: ScreenReading, option: str) -> None:
    assert RULE.fits(runtime, reading) == option


def test_a_rule_may_be_for_folders_of_ours() -> None:
    rule = RULE._replace(question="Accessing workspace: /gt/*/polecats/*")
    asked = TRUST._replace(text="Accessing workspace:\n/gt/shop/polecats/opal\nOne you trust?")
    assert rule.fits("claude", asked)
    assert not rule.fits("claude", asked._replace(text="Accessing workspace:\n/home/ana\nOne you trust?"))


def test_a_permission_is_matched_with_every_row_of_its_command() -> None:
    rule = Rule("test", "claude", "Bash command npm test Do you want to proceed?", "Yes", "permission")
    asked = ScreenReading("permission", "Bash: npm test", ("1 Yes", "2 No"), 0)
    assert rule.fits("claude", asked._replace(text="Bash command\n npm test\nDo you want to proceed?")) == "1 Yes"
    assert not rule.fits("claude", asked._replace(text="Bash command\n npm test\n rm -rf /\nDo you want to proceed?"))
    assert not rule._replace(question="*npm test*").fits("claude", asked), "a summary is not the command"


def write(paper: Paper, value: object, rig: str = "") -> None:
    path = os.path.join(paper.root, rig, "settings", "config.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        json.dump({"standing_answers": value}, handle)


def test_the_rigs_rules_come_first_and_there_are_none_by_default(paper: Paper) -> None:
    assert rules_of(paper.root, "shop") == []
    row = {"runtime": "claude", "question": "*trust the files*", "answer": "Yes"}
    write(paper, {"town": row})
    write(paper, {"rig": {**row, "kind": "permission"}}, "shop")
    assert [(rule.name, rule.kind) for rule in rules_of(paper.root, "shop")] == [
        ("rig", "permission"),
        ("town", "dialog"),
    ]
    assert [rule.name for rule in rules_of(paper.root, "billing")] == ["town"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([], "not an object"),
        ({"x": "yes"}, "not an object"),
        ({"x": {"runtime": "claude", "question": "*trust the files*"}}, "lacks answer"),
        ({"x": {"runtime": "claude", "question": "*", "answer": "Yes"}}, "too short"),
        ({"x": {"runtime": "claude", "question": "*????*run?*", "answer": "Yes"}}, "too short"),
        ({"x": {"runtime": 7, "question": "*trust the files*", "answer": "Yes"}}, "lacks runtime"),
        ({"x": {"runtime": "claude", "question": "*trust the files*", "answer": "Y", "kind": "login"}}, "kind"),
    ],
)
def test_rules_that_could_answer_anything_are_refused(paper: Paper, value: object, why: str) -> None:
    write(paper, value)
    with pytest.raises(SettingsError, match=why):
        rules_of(paper.root)


def test_a_question_that_comes_back_is_left_to_a_person(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    def answer(root: str, entry: object, choice: str, **more: str) -> list[Receipt]:
        given.append(f"{choice} {more['rule']} {len(more['expect'])}")
        return [Receipt("agent.answer", "mayor", "answered", choice, final=True)]

    monkeypatch.setattr(standing_answers, "answer", answer)
    entry = rigged.entry("mayor")

    def look(pid: int, reading: ScreenReading = TRUST) -> list[str]:
        screens = [(entry, "claude", pid, reading)]
        return apply_rules(rigged.root, {"": [RULE]}, screens, actor="daemon", clock=SYSTEM_CLOCK)

    for _ in range(MOST_IN_A_ROW + 2):
        look(100)
    assert given == ["2 Yes, I trust this folder trust 12"] * MOST_IN_A_ROW
    kept = json.loads(Path(rigged.root, ".runtime", "standing_answers.json").read_text())
    assert kept == {"answered": {f"hq-mayor 100 {TRUST.fingerprint}": MOST_IN_A_ROW}}, (
        "a restarted daemon knows it, too"
    )
    assert look(101), "another process may be answered"
    assert look(100, TRUST._replace(detail="Do you trust the files in /b?")), "and another question"
    assert look(100, TRUST._replace(kind="permission")) == []


ASKED = ScreenReading(
    "permission",
    "Bash: npm ci",
    ("1 Yes", "2 No"),
    0,
    text="Bash command\n npm install left-pad\nDo you want to proceed?",
)


def by_words(pattern: str) -> Rule:
    return Rule("npm", "claude", pattern, "Yes", "permission", True)


@pytest.mark.parametrize(
    ("command", "fits"),
    [
        ("npm install left-pad", True),
        ("npm install @types/node@20.1.0", True),
        ("npm install", False),
        ("npm install --unsafe-perm", False),
        ("npm install left-pad right-pad", False),
        ("npm install left-pad && rm -rf /", False),
        ("npm install left-pad;id", False),
        ("npm install $(id)", False),
        ("npm install `id`", False),
        ("npm install a|sh", False),
        ("npm install *", False),
        ("npm install left-pad > /etc/passwd", False),
        ("NPM install left-pad", False),
    ],
)
def test_a_word_that_may_be_any_is_one_plain_word_and_never_a_part_of_a_shell(command: str, fits: bool) -> None:
    pattern = standing_answers.pattern_for(ASKED.text, ["left-pad"])
    asked = ASKED._replace(text=f"Bash command\n {command}\nDo you want to proceed?")
    assert bool(by_words(pattern).fits("claude", asked)) is fits


@pytest.mark.parametrize("text", ["rm *.pyc now", r"grep a\*b \d+ file", "a [bc] ?d (e|f)", "* \\* \\"])
def test_without_any_words_a_pattern_fits_its_question_to_the_letter(text: str) -> None:
    rule = by_words(standing_answers.pattern_for(text))
    assert rule.fits("claude", ASKED._replace(text=text)) == "1 Yes"
    for other in (text + "x", text.replace("*", "word"), text.replace("?", "x"), text.upper()):
        if other != text:
            assert not rule.fits("claude", ASKED._replace(text=other)), other


@pytest.mark.parametrize("word", ["left", "proceed?", "--save", "&&", "", "a|b"])
def test_only_a_plain_word_of_the_question_may_stand_for_any(word: str) -> None:
    with pytest.raises(UsageError):
        standing_answers.pattern_for("npm install left-pad --save && id Do you proceed?", [word])


def test_a_word_stands_for_any_within_brackets_too() -> None:
    assert (
        standing_answers.pattern_for("Allow Bash(npm install left-pad)?", ["left-pad"]) == "Allow Bash(npm install *)?"
    )


def test_a_rule_whose_time_is_over_answers_nothing_and_one_that_is_revoked_is_gone(paper: Paper) -> None:
    now = SYSTEM_CLOCK.now()
    rule = by_words(standing_answers.pattern_for(ASKED.text))._replace(until=now + 60, rig="shop")
    standing_answers.add_rule(paper.root, rule, actor="overseer", clock=SYSTEM_CLOCK)
    (kept,) = rules_of(paper.root, "shop")
    assert kept.fits("claude", ASKED) == "1 Yes" and kept.rig == "shop"
    assert not kept.has_ended(now + 59) and kept.has_ended(now + 61)
    with pytest.raises(ConflictError):
        standing_answers.add_rule(paper.root, rule, actor="overseer", clock=SYSTEM_CLOCK)
    gone = standing_answers.revoke_rule(paper.root, "npm", ["shop"], actor="overseer", clock=SYSTEM_CLOCK)
    assert gone == ["shop"] and rules_of(paper.root, "shop") == []
    with pytest.raises(NotFoundError):
        standing_answers.revoke_rule(paper.root, "npm", ["shop"], actor="overseer", clock=SYSTEM_CLOCK)


def test_an_ended_rule_is_not_applied(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed: list[str] = []

    def press(root: str, entry: object, option: str, **told: str) -> list[Receipt]:
        pressed.append(option)
        return [Receipt("agent.answer", "x", "answered", option, final=True)]

    monkeypatch.setattr(standing_answers, "answer", press)
    rule = by_words(standing_answers.pattern_for(ASKED.text))._replace(until=1000.0)
    for now, count in ((1000.0, 0), (999.0, 1)):
        screens = [(rigged.entry("mayor"), "claude", 1, ASKED)]
        apply_rules(rigged.root, {"": [rule]}, screens, actor="daemon", clock=FixedClock(now))
        assert len(pressed) == count


def test_past_questions_are_tried_by_rig_and_text(paper: Paper) -> None:
    for target, text in (
        ("shop/polecats/opal", ASKED.text),
        ("billing/polecats/onyx", ASKED.text),
        ("shop/polecats/ruby", "rm -rf"),
    ):
        payload = {"target": target, "question": "Bash", "answer": "1 Yes", "kind": "permission", "runtime": "claude"}
        append_event(paper.root, "answered", "overseer", {**payload, "text": text, "options": list(ASKED.options)})
    append_event(
        paper.root, "answered", "overseer", {"target": "shop/polecats/opal", "question": "older", "answer": "1 Yes"}
    )
    rule = by_words(standing_answers.pattern_for(ASKED.text))._replace(rig="shop")
    assert [one.agent for one in standing_answers.past_prompts(paper.root, rule, 0.0)] == ["shop/polecats/opal"]
    assert len(standing_answers.past_prompts(paper.root, rule._replace(rig=""), 0.0)) == 2
    assert standing_answers.past_prompts(paper.root, rule, SYSTEM_CLOCK.now() + 60) == []
