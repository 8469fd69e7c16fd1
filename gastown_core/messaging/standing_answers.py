"""Standing answers: questions that the operator has answered once for all, in the settings; none by default.

A rule names a runtime, a pattern of the question and the option, literally: ``standing_answers.trust`` is ``{"runtime":
"claude", "question": "*trust the files in this folder*", "answer": "Yes, proceed"}``.  It never answers a question for
permission unless it says ``"kind": "permission"``, and then its pattern fits the whole question, every row of the
command included (``gt answer AGENT --json`` shows it as ``text``).  A question that comes back is left to a person.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from gastown_core.errors import GastownError, SettingsError, words_of
from gastown_core.messaging.answer import answer
from gastown_core.model.record import Record
from gastown_core.runtimes.question import DIALOG, PERMISSION, bare_option
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.town.inventory import RosterEntry

KEY = "standing_answers"
FEWEST_LETTERS = 8
"""A pattern with fewer letters and digits would fit questions that nobody meant."""
MOST_IN_A_ROW = 3
"""So often is one question of one session answered by a rule; then it is a problem that a person sees."""


class Rule(Record):
    """A standing answer: name, runtime, pattern of the question (glob, case ignored), option, kind of question."""

    name: str
    runtime: str
    question: str
    answer: str
    kind: str = DIALOG

    def fits(self, runtime: str, reading: ScreenReading) -> str:
        """Return the option to choose for a question; empty if the rule is not meant for it."""
        if runtime != self.runtime or reading.kind != self.kind or reading.cursor < 0:
            return ""
        # a command may have more rows than the few words that name it
        whole = " ".join(reading.text.split())
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
        found += [_rule(key, row) for key, row in value.items()]
    return found


def _rule(name: str, row: Any) -> Rule:
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
    return Rule(name, str(words["runtime"]), str(words["question"]), str(words["answer"]), kind)


class StandingAnswers:
    """Applies the rules; remembers how often it answered which question of which session."""

    def __init__(self) -> None:
        self._count: dict[tuple[str, int, str], int] = {}

    def apply(
        self,
        root: str,
        rules: Mapping[str, Iterable[Rule]],
        screens: Iterable[tuple[RosterEntry, str, int, ScreenReading]],
        *,
        actor: str,
        clock: Clock,
    ) -> list[str]:
        """Answer what a rule is meant for; ``screens`` are agents with runtime, process and reading. Return what was done."""
        told = []
        for entry, runtime, pid, reading in screens:
            for rule in rules.get(entry.address.rig, ()):
                option = rule.fits(runtime, reading)
                key = (entry.session, pid, reading.fingerprint)
                if not option or self._count.get(key, 0) >= MOST_IN_A_ROW:
                    continue
                self._count[key] = self._count.get(key, 0) + 1
                try:
                    *_, last = answer(root, entry, option, sender=actor, expect=key[2], rule=rule.name, clock=clock)
                    told.append(f"{entry.address.short}: {rule.name} answered {last.detail}")
                except GastownError as error:
                    told.append(f"{entry.address.short}: {rule.name} could not answer: {words_of(error)}")
                break
        return told
