"""Standing answers: rules in the settings that answer recurring questions for the operator; none by default.

A rule names a runtime, a pattern of the question and the option, literally: ``standing_answers.trust`` is ``{"runtime":
"claude", "question": "*trust the files in this folder*", "answer": "Yes, proceed"}``.  It never answers a question for
permission unless it says ``"kind": "permission"``, and then its pattern fits the whole question, every row of the
command included (``gt answer AGENT --json`` shows it as ``text``).  A question that returns after its answer is left to a person.

A rule made from a prompt (``gt answers add``) has ``"by_words": true``: it fits that whole question alone, to the letter, where ``*`` is
one plain word, never an option, several words or anything of a shell; and it ends at ``until``.
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase

from gastown_core.clock import format_seconds, parse_moment
from gastown_core.errors import (
    ConflictError,
    DeliveryError,
    GastownError,
    NotFoundError,
    SettingsError,
    UsageError,
    words_of,
)
from gastown_core.events.log import append_event, events_since, log_path
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.messaging.answer import answer
from gastown_core.model.choice import bare_option
from gastown_core.model.record import Record
from gastown_core.runtimes.question import DIALOG, PERMISSION
from gastown_core.runtimes.screen import ScreenReading
from gastown_core.town.settings import add_object, load_settings, unset_setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.clock import Clock
    from gastown_core.messaging.answer import Asked
    from gastown_core.town.inventory import RosterEntry

KEY = "standing_answers"
FEWEST_LETTERS = 8
"""A pattern with fewer letters and digits would fit questions that nobody meant."""
MOST_IN_A_ROW = 3
"""So often is one question of one session answered by a rule; then it is a problem that a person sees."""
MOST_KEPT = 200
"""Of so many questions it is kept how often they were answered."""


class Rule(Record):
    """A standing answer: name, runtime, pattern of the question (glob, case ignored), option, kind of question.

    ``by_words``: the pattern is the question to the letter, ``*`` one plain word. ``until`` is when it ends, 0 for never.
    """

    name: str
    runtime: str
    question: str
    answer: str
    kind: str = DIALOG
    by_words: bool = False
    until: float = 0.0
    rig: str = ""

    def has_ended(self, now: float) -> bool:
        """Whether it has expired."""
        return bool(self.until) and now >= self.until

    def fits(self, runtime: str, reading: ScreenReading) -> str:
        """Return the option to choose for a question; empty if the rule is not meant for it."""
        if runtime != self.runtime or reading.kind != self.kind or reading.cursor < 0:
            return ""
        # a command may have more rows than the few words that name it
        whole = " ".join(reading.text.split())
        if self.by_words:
            if not _by_words(self.question).fullmatch(whole):
                return ""
        else:
            asked = [whole] if self.kind == PERMISSION else [whole, reading.detail]
            if not any(fnmatchcase(words.lower(), self.question.lower()) for words in asked):
                return ""
        wanted = self.answer.strip().lower()
        found = [option for option in reading.options if bare_option(option).lower() == wanted]
        return found[0] if len(found) == 1 else ""


def rules_of(root: str, rig: str = "") -> list[Rule]:
    """Return the rules of the town, and those of a rig before them. Raises SettingsError for one that is wrong."""
    tables = [("rig", rig)] if rig else []
    found = []
    for scope, name in [*tables, ("town", "")]:
        value = load_settings(root, scope, name).value.get(KEY)
        if value is None:
            continue
        if not isinstance(value, dict):
            raise SettingsError(f"{KEY} is not an object", "", f'{KEY}.NAME is {{"runtime", "question", "answer"}}')
        found += [_rule(key, row)._replace(rig=name) for key, row in value.items()]
    return found


def _rule(name: str, row: object) -> Rule:
    if not isinstance(row, dict):
        raise SettingsError(f"{KEY}.{name} is not an object", "")
    words = {key: row.get(key) for key in ("runtime", "question", "answer")}
    for key, text in words.items():
        if not isinstance(text, str) or not text.strip():
            raise SettingsError(f"{KEY}.{name} lacks {key}", "a rule has runtime, question and answer")
    kind = row.get("kind", DIALOG)
    if kind not in (DIALOG, PERMISSION):
        raise SettingsError(f"{KEY}.{name}.kind is {kind!r}", f"allowed: {DIALOG}, {PERMISSION}")
    if sum(letter.isalnum() for letter in str(words["question"])) < FEWEST_LETTERS:
        why = f"a pattern needs at least {FEWEST_LETTERS} letters, so that it fits no other question"
        raise SettingsError(f"{KEY}.{name}.question is too short", why)
    ends = parse_moment(row.get("until")) if row.get("until") is not None else 0.0
    if ends is None:
        raise SettingsError(f"{KEY}.{name}.until is {row['until']!r}", "", "a time such as 2027-01-31T09:00:00Z")
    by_words = row.get("by_words") is True
    return Rule(name, str(words["runtime"]), str(words["question"]), str(words["answer"]), kind, by_words, ends)


_IN_WORD = "A-Za-z0-9_@./:+=,-"
_PLAIN_WORD = f"[A-Za-z0-9_@][{_IN_WORD}]*"
"""What ``*`` stands for: no option, no blank, nothing that a shell or a glob reads."""


def _by_words(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|\*|[^\\*]+|\\", pattern)
    return re.compile(
        "".join(_PLAIN_WORD if part == "*" else re.escape(part.removeprefix("\\") or part) for part in parts)
    )


def pattern_for(text: str, any_words: Iterable[str] = ()) -> str:
    """Return the pattern that fits a question to the letter, with ``*`` for these of its words. Raises UsageError."""
    pattern = re.sub(r"([\\*])", r"\\\1", " ".join(text.split()))
    for one in any_words:
        alone = f"(?<![{_IN_WORD}]){re.escape(one)}(?![{_IN_WORD}])"
        if not re.fullmatch(_PLAIN_WORD, one) or not re.search(alone, pattern):
            why = "it is no word of the question" if re.fullmatch(_PLAIN_WORD, one) else "it is not a plain word"
            raise UsageError(f"{one!r} cannot stand for any word", why, " ".join(text.split()))
        pattern = re.sub(alone, "*", pattern)
    return pattern


def rule_for(asked: Asked, choice: str, name: str, *, rig: str, any_words: Iterable[str], until: float) -> Rule:
    """Return the rule that answers this question, and those like it, with a choice of it.

    Raises DeliveryError for a question that was not read whole, UsageError for an unknown choice or word.
    """
    reading = asked.reading
    if asked.obstacle or not reading.text.strip():
        raise DeliveryError("no standing answer for this question", asked.obstacle or "its text was not read whole")
    if not choice.isdigit() or not 0 < int(choice) <= len(reading.options):
        raise UsageError(f"{choice!r} is no number of a choice", "", f"choices: {'; '.join(reading.options)}")
    option = bare_option(reading.options[int(choice) - 1])
    pattern = pattern_for(reading.text, any_words)
    return Rule(name, asked.preset.screens, pattern, option, reading.kind, True, until, rig)


def add_rule(root: str, rule: Rule, *, actor: str, clock: Clock) -> None:
    """Store a rule in the settings, and log an event. Raises ConflictError if its name is taken, SettingsError."""
    scope = "rig" if rule.rig else "town"
    kept = {"runtime": rule.runtime, "question": rule.question, "answer": rule.answer, "kind": rule.kind}
    row = {
        **kept,
        "by_words": rule.by_words,
        "by": actor,
        **({"until": format_seconds(rule.until)} if rule.until else {}),
    }
    _rule(rule.name, row)
    if not add_object(root, f"{KEY}.{rule.name}", row, scope=scope, rig=rule.rig):
        raise ConflictError(
            f"there is a standing answer {rule.name}", "", f"gt answers revoke {rule.name}, or --name OTHER"
        )
    append_event(root, "settings_changed", actor, {"key": f"{KEY}.{rule.name}"}, visibility="both", clock=clock)


def revoke_rule(root: str, name: str, rigs: Iterable[str], *, actor: str, clock: Clock) -> list[str]:
    """Remove a rule wherever it is; return the rigs it was of (empty: the town). Raises NotFoundError."""
    gone = []
    for rig in ("", *rigs):
        value = load_settings(root, "rig" if rig else "town", rig).value.get(KEY)
        is_there = isinstance(value, dict) and name in value
        if is_there and unset_setting(root, f"{KEY}.{name}", scope="rig" if rig else "town", rig=rig):
            gone.append(rig)
    if not gone:
        raise NotFoundError(f"there is no standing answer {name}", "", "gt answers list shows them")
    append_event(root, "settings_changed", actor, {"key": f"{KEY}.{name}"}, visibility="both", clock=clock)
    return gone


class Past(Record):
    """A question that was answered: when, whose, its words, and the choice that was taken."""

    at: float
    agent: str
    question: str
    answer: str


def past_prompts(root: str, rule: Rule, since: float) -> list[Past]:
    """Return the answered questions of the log that the rule would have answered, newest first. Raises OSError."""
    found = []
    for event in events_since(log_path(root), since):
        told = event.payload
        options = told.get("options")
        if event.type != "answered" or not isinstance(options, list):
            continue
        asked = str(told.get("question") or "")
        reading = ScreenReading(
            str(told.get("kind") or ""), asked, tuple(map(str, options)), 0, text=str(told.get("text") or "")
        )
        agent = str(told.get("target") or "")
        if (not rule.rig or agent.partition("/")[0] == rule.rig) and rule.fits(str(told.get("runtime") or ""), reading):
            found.append(Past(event.ts, agent, asked, str(told.get("answer") or "")))
    return found


def apply_rules(
    root: str,
    rules: Mapping[str, Iterable[Rule]],
    screens: Iterable[tuple[RosterEntry, str, int, ScreenReading]],
    *,
    actor: str,
    clock: Clock,
) -> list[str]:
    """Answer what a rule is meant for; ``screens`` are agents with runtime, process and reading. Return what was done.

    How often which question of which process was answered is kept on disk: a restart of the daemon forgets nothing.
    """
    told = []
    for entry, runtime, pid, reading in screens:
        for rule in rules.get(entry.address.rig, ()):
            option = rule.fits(runtime, reading)
            if not option or rule.has_ended(clock.now()):
                continue
            try:
                if not _count(root, f"{entry.session} {pid} {reading.fingerprint}"):
                    continue
                expect = reading.fingerprint
                *_, last = answer(root, entry, option, sender=actor, expect=expect, rule=rule.name, clock=clock)
                told.append(f"{entry.address.short}: {rule.name} answered {last.detail}")
            except GastownError as error:
                told.append(f"{entry.address.short}: {rule.name} could not answer: {words_of(error)}")
            break
    return told


def _count(root: str, key: str) -> bool:
    """Count one more answer to that question; False if it has had as many as it may. Raises StoreError, ConflictError."""
    path = os.path.join(root, ".runtime", "standing_answers.json")
    if _told(read_json(path) or {}).get(key, 0) >= MOST_IN_A_ROW:
        return False

    def change(value: dict[str, object]) -> None:
        known = _told(value)
        count = known.pop(key, 0) + 1
        # the oldest are of processes that have ended long ago
        value["answered"] = {**dict(list(known.items())[1 - MOST_KEPT :]), key: count}

    edit_json(path, change, mode=0o600)
    return True


def _told(value: Mapping[str, object]) -> dict[str, int]:
    found = value.get("answered")
    return {key: one for key, one in found.items() if isinstance(one, int)} if isinstance(found, dict) else {}
