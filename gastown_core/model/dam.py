"""A dam: work is ready and nothing moves it on. One alarm names the link of the chain that is broken."""

from __future__ import annotations

from gastown_core.clock import format_age, format_seconds
from gastown_core.model.record import Record

CLOCK, STORE, DAEMON, DUTY, TMUX, HOST = "clock", "store", "daemon", "duty", "tmux", "host"
PAUSED, START, LIMIT, PERSON, WORKERS = "paused", "start", "limit", "person", "workers"
GATE, QUEUE, UNKNOWN = "gate", "queue", "unknown"
LINKS = (CLOCK, STORE, DAEMON, DUTY, TMUX, PAUSED, HOST, START, LIMIT, PERSON, WORKERS, GATE, QUEUE, UNKNOWN)
"""The links, the deepest cause first."""


class BrokenLink(Record):
    """One broken link: its code (of ``LINKS``), what is wrong, since when, what helps."""

    link: str
    words: str
    since: float
    hint: str = ""


class DamView(Record):
    """What waits and why; ``since`` is when it began to wait, ``links`` are the broken ones, the deepest cause first.

    ``ready`` counts beads that somebody could work on, ``queued`` requests that could be merged, ``held`` beads on hooks
    of workers none of whom gets on.
    """

    links: tuple[BrokenLink, ...]
    since: float
    ready: int = 0
    queued: int = 0
    held: int = 0

    @property
    def link(self) -> BrokenLink:
        """The link to be mended first."""
        return self.links[0]

    def words(self, now: float) -> str:
        """The alarm as a sentence: what waits, since when, and why."""
        counted = (
            (self.ready, "ready bead"),
            (self.queued, "merge request"),
            (self.held, "bead in hand"),
        )
        waits = [f"{count} {name if count == 1 else _plural(name)}" for count, name in counted if count]
        many = sum(count for count, _ in counted)
        head = f"{' and '.join(waits) or 'all work'} {'waits' if many <= 1 else 'wait'}"
        return f"{head} for {format_age(max(1.0, now - self.since))}: {self.link.words}"

    def as_json(self) -> dict[str, object]:
        """Return the alarm as ``--json`` prints it."""
        links = [
            {"link": one.link, "why": one.words, "since": format_seconds(one.since), "next": one.hint}
            for one in self.links
        ]
        counts = {"ready": self.ready, "queued": self.queued, "held": self.held}
        return {"since": format_seconds(self.since), **counts, "links": links}


def _plural(name: str) -> str:
    return "beads in hand" if name == "bead in hand" else f"{name}s"
