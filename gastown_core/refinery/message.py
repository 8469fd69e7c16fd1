"""The message of a squash commit: what the worker wrote last, or what the bead is about, and our trailers.

Trailers of ours that a worker wrote are taken out: only the engine says what a commit proves.
"""

from __future__ import annotations

import re

from gastown_core.git.landed import BEAD, REQUEST, WORKER, trailers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_OURS = re.compile(rf"^({BEAD}|{REQUEST}|{WORKER}):.*$", re.MULTILINE | re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_EMPTY_TALK = re.compile(
    r"(wip\b|fixup!|squash!|work in progress|.*: work in progress, saved by gt done$)", re.IGNORECASE
)


def squash_message(
    written: str, *, title: str, issue: str, subjects: Sequence[str], carries: list[tuple[str, str]], worker: str
) -> str:
    """The whole message; ``carries`` are the pairs of bead and request that the commit proves.

    A tip whose message says nothing (empty, work in progress) gives way to the bead's title over a list of the
    branch's other subjects.
    """
    text = _OURS.sub("", _CONTROL.sub("", written)).strip()
    subject = text.partition("\n")[0].strip()
    if not subject or _EMPTY_TALK.match(subject):
        text = _from_bead(title, issue, [one for one in subjects if not _EMPTY_TALK.match(one)])
    return f"{text}\n\n{trailers(carries, worker)}\n"


def _from_bead(title: str, issue: str, subjects: Sequence[str]) -> str:
    head = _CONTROL.sub("", title).strip() or (subjects[0] if subjects else "") or f"Work on {issue or 'a branch'}"
    lines = [f"- {_OURS.sub('', _CONTROL.sub('', one)).strip()}" for one in subjects if one and one != head]
    return "\n".join([head, "", *lines]) if lines else head
