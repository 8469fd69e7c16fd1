"""What the drawer says of nudges that have not reached their agent."""

from __future__ import annotations

from gastown_core.messaging.nudge_listing import QueueView
from gastown_core.messaging.queue import DeadLetter, QueuedNudge
from gastown_tui.widgets.pages import queue_lines

NOW = 1_795_262_671.0


def texts(view: QueueView) -> list[str]:
    return [" ".join("".join(text for text, _ in line).split()) for line in queue_lines(view, NOW, 60)]


def test_nothing_is_said_of_an_empty_queue():
    assert texts(QueueView(held="a person is typing")) == []


def test_what_waits_and_what_is_dead_stand_there_with_the_reasons():
    waits = QueuedNudge("1.json", "mayor", "rebase\nplease", at=NOW - 60)
    dead = DeadLetter("0.json", "shop/witness", "too \x1b[31mlate", "it expired before it could be delivered", NOW - 5)
    assert texts(QueueView(waiting=(waits,), dead=(dead,), held="a person is typing")) == [
        "",
        "nudges 1 waiting, 1 not delivered",
        "a person is typing",
        "1m ago mayor: rebase",
        "5s ago shop/witness: too ␛[31mlate",
        "it expired before it could be delivered",
    ]
