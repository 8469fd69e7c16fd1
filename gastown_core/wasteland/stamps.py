"""Stamps: what one town says of another's work, chained for each subject, never by oneself.

``valence`` maps dimensions (quality, speed, complexity; others are kept) to numbers from 0 to 5.  The seal (``block_hash``) is
SHA-256 over the stamp's own words and the seal of the subject's stamp before it (``prev_stamp_hash``); ``stamp_index`` counts
from 1.  A stamp counts only if ``Judge`` finds nothing wrong with it.
"""

from __future__ import annotations

import math
import secrets

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.model.json_text import encode_json
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256
from gastown_core.wasteland.clone import literal, moment_text
from gastown_core.wasteland.schema import need_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.wasteland.clone import Clone

QUALITY = "quality"
DIMENSIONS = (QUALITY, "speed", "complexity", "reliability", "creativity")
"""Dimensions that the command names; a commons may have others."""
SEVERITIES = ("leaf", "branch", "root")
KINDS = ("work", "mentoring", "peer_review", "endorsement", "boot_block")
CONTEXTS = ("completion", "endorsement", "boot_block", "validation_received", "sandboxed_completion")
HIGHEST = 5.0
CONFIDENCE = 0.7
_COLUMNS = (
    "id, author, subject, valence, confidence, severity, context_id, context_type, stamp_type, pilot_cohort, skill_tags, "
    "message, prev_stamp_hash, stamp_index, block_hash, created_at"
)
ASK_STAMPS = f"SELECT {_COLUMNS} FROM stamps ORDER BY subject, coalesce(stamp_index, 0), created_at, id"
"""The question for all stamps, those of a subject in the order of its chain."""


class Stamp(Record):
    """A stamp as the commons has it; text of other towns, not cleaned. ``wrong`` says why it does not count."""

    id: str
    author: str
    subject: str
    valence: dict[str, float]
    confidence: float
    severity: str
    context_id: str
    context_type: str
    kind: str
    cohort: str
    skills: tuple[str, ...]
    message: str
    previous: str
    number: int
    seal: str
    created_at: str
    wrong: str = ""

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {**self._asdict(), "skills": list(self.skills), "counts": not self.wrong}

    @property
    def own_seal(self) -> str:
        """The seal that these words give."""
        words = {
            "author": self.author,
            "subject": self.subject,
            "valence": dict(sorted(self.valence.items())),
            "confidence": f"{self.confidence:.3f}",
            "severity": self.severity,
            "context": self.context_id,
            "kind": self.kind,
            "skills": list(self.skills),
            "message": self.message,
            "index": self.number,
            "previous": self.previous,
        }
        return sha256(encode_json(words).encode("utf-8", "replace")).hex()


def stamp_statement(
    clone: Clone, author: str, subject: str, valence: Mapping[str, float], *, clock: Clock = SYSTEM_CLOCK, **more: Any
) -> tuple[str, str]:
    """Return the id of a new stamp, and the statement that writes it. Raises UsageError, ConflictError, NotFoundError.

    ``more``: confidence, severity, context_id, context_type, kind, cohort, skills, message.
    """
    need_writable(clone)
    if author == subject:
        raise ConflictError("nobody stamps themselves", f"{author} is both author and subject", "")
    if not clone.read(f"SELECT handle FROM rigs WHERE handle = {literal(subject)}"):
        raise NotFoundError(
            f"no rig of this commons is called {subject}", "", "gt wl browse --status all shows who takes part"
        )
    _check(valence, more)
    before = clone.read(
        f"SELECT stamp_index, block_hash FROM stamps WHERE subject = {literal(subject)} "
        "ORDER BY coalesce(stamp_index, 0) DESC, created_at DESC, id DESC LIMIT 1"
    )
    made = Stamp(
        f"s-{secrets.token_hex(6)}",
        author,
        subject,
        {name: float(value) for name, value in valence.items()},
        float(more.get("confidence", CONFIDENCE)),
        more.get("severity") or "leaf",
        more.get("context_id") or "",
        more.get("context_type") or ("completion" if more.get("context_id") else "endorsement"),
        more.get("kind") or "work",
        more.get("cohort") or "",
        tuple(more.get("skills") or ()),
        more.get("message") or "",
        str(before[0].get("block_hash") or "") if before else "",
        int(before[0].get("stamp_index") or 0) + 1 if before else 1,
        "",
        moment_text(clock.now()),
    )
    return made.id, _insert(made._replace(seal=made.own_seal))


def _insert(made: Stamp) -> str:
    values = (
        made.id, made.author, made.subject, made.valence, made.confidence, made.severity, made.context_id or None,
        made.context_type, made.kind, made.cohort or None, list(made.skills), made.message or None,
        made.previous or None, made.number, made.seal, made.created_at,
    )  # fmt: skip
    return f"INSERT INTO stamps ({_COLUMNS}) VALUES ({', '.join(map(literal, values))})"


def add_stamp(clone: Clone, author: str, subject: str, valence: Mapping[str, float], **more: Any) -> Stamp:
    """Write a stamp and commit it; see ``stamp_statement``."""
    stamp_id, statement = stamp_statement(clone, author, subject, valence, **more)
    clone.commit([statement], f"{author} stamps {subject}")
    return next(one for one in all_stamps(clone) if one.id == stamp_id)


def all_stamps(clone: Clone) -> list[Stamp]:
    """Return every stamp, oldest first, each judged."""
    rows, rigs, done = clone.read_several(
        ASK_STAMPS,
        "SELECT handle FROM rigs",
        "SELECT id, completed_by FROM completions",
    )
    known = {str(row["handle"]) for row in rigs}
    work = {str(row["id"]): str(row.get("completed_by") or "") for row in done}
    return judge(map(stamp_of, rows), known, work)


def judge(stamps: Iterable[Stamp], rigs: set[str], completions: Mapping[str, str]) -> list[Stamp]:
    """Return the stamps, each with what is wrong with it; ``completions`` maps an id to who completed it.

    A stamp without a seal counts by its content, until a sealed stamp of the subject precedes it: nobody can take the seal off
    a chain that has one.  Two stamps may follow the same one, since two towns may stamp at the same time.
    """
    seals: dict[str, dict[str, int]] = {}
    out = []
    for one in stamps:
        known = seals.setdefault(one.subject, {})
        wrong = _content(one, rigs, completions) or _chain(one, known)
        if one.seal and not wrong:
            known[one.seal] = one.number
        out.append(one._replace(wrong=wrong))
    return out


def _content(one: Stamp, rigs: set[str], completions: Mapping[str, str]) -> str:
    if one.author == one.subject:
        return "stamped by its own subject"
    if one.author not in rigs or one.subject not in rigs:
        return f"{one.author if one.author not in rigs else one.subject} is no rig of this commons"
    if not one.valence:
        return "no dimension with a number from 0 to 5"
    if not 0 <= one.confidence <= 1:
        return "confidence is not between 0 and 1"
    if one.context_id.startswith("c-") and completions.get(one.context_id) != one.subject:
        return f"{one.context_id} is no completion of {one.subject}"
    return ""


def _chain(one: Stamp, seals: Mapping[str, int]) -> str:
    if not one.seal:
        return "no seal, in a chain that has seals" if seals else ""
    if one.seal != one.own_seal:
        return "its seal does not fit its words"
    if one.previous and one.previous not in seals:
        return "the stamp before it is missing or does not count"
    if one.previous and seals[one.previous] >= one.number:
        return "it stands before the stamp that it follows"
    return ""


def _check(valence: Mapping[str, float], more: Mapping[str, Any]) -> None:
    if not valence:
        raise UsageError("a stamp says something", "no dimension was given", "--quality 4")
    for name, value in valence.items():
        if not 0 <= value <= HIGHEST:
            raise UsageError(f"{name} is {value:g}", "", "a number from 0 to 5")
    if not 0 <= float(more.get("confidence", CONFIDENCE)) <= 1:
        raise UsageError("confidence is a number from 0 to 1", "", "--confidence 0.7")
    for name, known in (("severity", SEVERITIES), ("kind", KINDS), ("context_type", CONTEXTS)):
        if more.get(name) and more[name] not in known:
            raise UsageError(f"{name} is {more[name]!r}", "", f"one of {', '.join(known)}")


def stamp_of(row: Mapping[str, Any]) -> Stamp:
    """Return the stamp of a row, not yet judged."""

    def text(name: str) -> str:
        return str(row.get(name) if row.get(name) is not None else "")

    def number(name: str, otherwise: float) -> float:
        try:
            value = float(text(name) or otherwise)
        except ValueError:
            return math.nan
        return value

    told = row.get("valence")
    valence = {
        str(name): float(value)
        for name, value in (told.items() if isinstance(told, dict) else ())
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= HIGHEST
    }
    tags = row.get("skill_tags")
    index = number("stamp_index", 0)
    return Stamp(
        text("id"),
        text("author"),
        text("subject"),
        valence,
        number("confidence", 1),
        text("severity") or "leaf",
        text("context_id"),
        text("context_type"),
        text("stamp_type"),
        text("pilot_cohort"),
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        text("message"),
        text("prev_stamp_hash"),
        0 if math.isnan(index) else int(index),
        text("block_hash"),
        text("created_at"),
    )
