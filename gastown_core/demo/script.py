"""The demo's script: four convoys of beads, and the mood of each bead's worker. Data only.

The first beads of each convoy have moods that show every health state within a minute; the rest are done normally,
except for a few whose tests fail, so that the merge queue finds a culprit.
"""

from __future__ import annotations

from gastown_core.model.record import Record


class Task(Record):
    """A planned bead: key (in the script), rig, title, worker's mood, keys of its blockers, priority, type."""

    key: str
    rig: str
    title: str
    mood: str = "steady"
    after: tuple[str, ...] = ()
    priority: int = 2
    kind: str = "task"


class Bundle(Record):
    """A planned convoy."""

    title: str
    tasks: tuple[Task, ...]


BUNDLES = (
    Bundle(
        "Auth system",
        (
            Task("login", "shop", "Sign in with e-mail", "steady", (), 1, "feature"),
            Task("session", "shop", "Keep the session for a week", "permission", (), 1, "feature"),
            Task("logout", "shop", "Sign out everywhere", "steady", ("login",), 2, "feature"),
            Task("reset", "shop", "Reset a forgotten password", "slow", ("login", "session"), 2, "feature"),
        ),
    ),
    Bundle(
        "Bug fixes",
        (
            Task("round", "billing", "Cents are lost when tax is rounded", "silent", (), 0, "bug"),
            Task("empty", "shop", "An empty basket can be ordered", "limited", (), 1, "bug"),
            Task("case", "shop", "Search minds upper case", "steady", (), 2, "bug"),
            Task("twice", "billing", "A reminder is sent twice", "steady", ("round",), 2, "bug"),
        ),
    ),
    Bundle(
        "Billing epic",
        (
            Task("pdf", "billing", "Invoices as PDF", "crash", (), 1, "feature"),
            Task("currency", "billing", "Invoices in three currencies", "slow", (), 2, "feature"),
            Task("export", "billing", "Export for the tax office", "steady", ("currency",), 2, "feature"),
            Task("archive", "billing", "Archive paid invoices", "steady", (), 3, "chore"),
        ),
    ),
    Bundle(
        "Small wishes",
        (
            Task("similar", "shop", "Show similar articles", "steady", (), 3, "feature"),
            Task("credit", "billing", "Credit notes", "slips", (), 2, "feature"),
            Task("faster", "shop", "Faster search", "slips", ("case",), 2, "feature"),
            Task("split", "billing", "Split payments", "breaks", (), 2, "feature"),
            Task("gift", "shop", "Gift cards", "steady", ("similar",), 3, "feature"),
            Task("monthly", "billing", "Monthly statements", "steady", ("credit",), 3, "feature"),
            Task("wish", "shop", "Wish lists", "steady", ("gift",), 3, "feature"),
            Task("debit", "billing", "Direct debit", "steady", ("split",), 3, "feature"),
            Task("reviews", "shop", "Reviews", "steady", (), 4, "feature"),
            Task("codes", "billing", "Discount codes", "steady", (), 4, "feature"),
        ),
    ),
)

FIRST = ("login", "session", "round", "empty", "pdf", "currency", "case", "archive")
"""Keys in the order of slinging; the rest follows as polecats become free."""
