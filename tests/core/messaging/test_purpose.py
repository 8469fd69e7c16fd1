"""What a letter is for: only what is known to inform is set apart from what asks."""

from __future__ import annotations

import pytest

from gastown_core.messaging.message import HIGH, LOW, NORMAL, TYPES, URGENT
from gastown_core.messaging.purpose import INFORMS, LONGEST_JUDGED, asks_nothing, only_informs

REPLY, PLAIN = "reply", "notification"


@pytest.mark.parametrize(
    ("kind", "subject", "body"),
    [
        (REPLY, "Re: Which currency?", "EUR, as everywhere else."),
        (REPLY, "Re: Which currency?", "See http://example.org/?a=1&b=2 there."),
        (PLAIN, "Daily report", "3 landed, none sent back."),
        (PLAIN, "Status of checkout: green", ""),
        (PLAIN, "FYI: the gate is faster now", "It takes 4 s."),
        (PLAIN, "Done: gt-a1", "The branch is handed in."),
        (PLAIN, "Compaction Report 2026-11-28", "1 removed"),
        (PLAIN, "✓ merged gt-a1", ""),
    ],
)
def test_reports_and_answers_only_inform(kind: str, subject: str, body: str) -> None:
    assert asks_nothing(kind, subject, body, NORMAL)


@pytest.mark.parametrize(
    ("kind", "subject", "body"),
    [
        (PLAIN, "Which currency", "EUR or USD"),
        (PLAIN, "Status of checkout", "Red. Shall I revert it?"),
        (PLAIN, "Report to me when you are back", ""),
        (PLAIN, "Update the secret in the vault", ""),
        (PLAIN, "Complete the form", ""),
        (PLAIN, "Done with gt-a1", "I am blocked on the key for gt-a2."),
        (PLAIN, "READY_FOR_REVIEW gt-a1: Cart total", "Branch: x"),
        (PLAIN, "Summary", "どちらですか？"),
        (REPLY, "Re: Plans", "Fine. Please send me the key."),
        (REPLY, "Re: Plans", "Fine — but which one?"),
        (REPLY, "Another matter?", "Text."),
        (REPLY, "Re: Plans", "x" * (LONGEST_JUDGED + 1)),
        ("task", "Done: look at it", ""),
        ("of-another-tool", "Report", ""),
    ],
)
def test_whatever_may_ask_is_taken_to_ask(kind: str, subject: str, body: str) -> None:
    assert not asks_nothing(kind, subject, body, NORMAL)


def test_pressing_mail_never_only_informs_and_low_mail_does_without_a_question() -> None:
    for pressing in (URGENT, HIGH):
        assert not any(asks_nothing(kind, "Report", "", pressing) for kind in TYPES)
    assert asks_nothing(PLAIN, "Cart", "The total is right now.", LOW)
    assert not asks_nothing(PLAIN, "Cart", "Is the total right now?", LOW)


def test_a_stored_letter_informs_by_its_label_or_as_an_older_notice_of_a_convoy() -> None:
    assert only_informs((INFORMS,), "Which one?")
    assert only_informs((), "🚚 Convoy landed: Bug fixes")
    assert only_informs((), "[to shop/witness] 🚚 Convoy closed: Bug fixes")
    assert not only_informs((), "Convoy landed: is that right?")
    assert not only_informs((), "Re: 🚚 Convoy landed: Bug fixes")
