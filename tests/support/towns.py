"""Towns for tests: the sample of the Go tools, and small ones of our own."""

from __future__ import annotations

import shutil
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"


def reference_town(place: Path) -> str:
    """The sample town laid out as the Go tools leave it; returns its root."""
    data, root = DATA / "reference-town", place / "gt"
    for folder in (
        "mayor",
        ".beads",
        "settings",
        "demo/.beads",
        "demo/settings",
        "demo/crew/alice",
        "demo/polecats/rust/demo",
    ):
        (root / folder).mkdir(parents=True)
    for source, target in (
        ("town.json", "mayor/town.json"),
        ("rigs.json", "mayor/rigs.json"),
        ("daemon.json", "mayor/daemon.json"),
        ("escalation.json", "settings/escalation.json"),
        ("events.jsonl", ".events.jsonl"),
        ("hq.issues.jsonl", ".beads/issues.jsonl"),
        ("routes.jsonl", ".beads/routes.jsonl"),
        ("demo/issues.jsonl", "demo/.beads/issues.jsonl"),
        ("demo/config.json", "demo/config.json"),
        ("demo/settings-config.json", "demo/settings/config.json"),
    ):
        shutil.copy(data / source, root / target)
    return str(root)
