"""What a letter is for: it asks something of its reader, or it only informs.

A letter is taken to ask unless it is known to inform: a question among things to read is worse than a notice among
questions.  Whoever sends it decides, as the body is known then; a label keeps the answer, so that lists need no body.
"""

from __future__ import annotations

import re

from gastown_core.messaging.message import HIGH, LOW, NOTIFICATION, REPLY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_JUDGED = 100_000
"""A longer body is not judged."""
INFORMS = "informs"
"""The label of a letter that asks nothing of its reader."""
_QUESTION = r"[?\uff1f\u061f](?![\w=&#%/])"
"""A question mark that is no part of an address."""
_ASKS = (
    r"\b(please|pls|should (i|we)|shall (i|we)|may (i|we)|can you|could you|would you|let me know|tell me|your call|up to you"
    r"|which (one|of)|(i|we) need|needs? (you|your|a|an) |waiting (for|on) you|blocked|stuck|help|approv\w*|confirm"
    r"|decide|decision|review|permission|urgent|action required|todo)\b"
)
_REPORTS = (
    r"\W*((fyi|for your information|no action (needed|required)|done|finished|completed|fixed|landed|merged|closed|thanks"
    r"|thank you|noted|acknowledged)\b|(\w+ ){0,3}(report|status|summary|digest|update|progress)\s*([:\d-]|of\b|$))"
)
"""How the subject of a report begins."""
_OF_THE_TOWN = r"(\[to [^\]]*\] )?🚚 Convoy (landed|closed): "
"""Subjects of the town's own notices, also of those that were sent before letters were labelled."""


def asks_nothing(kind: str, subject: str, body: str, priority: int) -> bool:
    """Return whether a letter of this type (``message.TYPES``) only informs, as far as its words tell."""
    if kind not in (NOTIFICATION, REPLY) or priority <= HIGH or len(body) > LONGEST_JUDGED:
        return False
    # the subject of an answer is that of the question
    own = body if kind == REPLY and subject.lower().startswith("re:") else f"{subject}\n{body}"
    if re.search(_QUESTION, own) or re.search(_ASKS, own, re.IGNORECASE):
        return False
    return kind == REPLY or priority >= LOW or re.match(_REPORTS, subject, re.IGNORECASE) is not None


def only_informs(labels: Iterable[str], subject: str) -> bool:
    """Return whether a stored letter only informs."""
    return INFORMS in labels or re.match(_OF_THE_TOWN, subject) is not None
