"""Reputation: what the stamps that count say of a rig. Tiers and signals of fraud: formulas-wasteland-dashboard.md section 7."""

from __future__ import annotations

from collections import Counter

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.record import Record
from gastown_core.wasteland.clone import literal, moment_text
from gastown_core.wasteland.stamps import QUALITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.wasteland.clone import Clone
    from gastown_core.wasteland.stamps import Stamp

TIERS = (
    ("governor", 100, 4.5, 4),
    ("admin", 50, 4.0, 3),
    ("maintainer", 25, 3.5, 2),
    ("trusted", 10, 3.0, 1),
    ("contributor", 3, 0.0, 0),
)
"""Tier, the stamps it needs, their average quality, and how many different authors they have beyond one."""
NEWCOMER = "newcomer"
TOP = 5
GOOD = 4.0
"""Quality from which a stamp is shown among the best."""
ROOT = "root"
"""Severity of a warning: it is shown, and counts in no average."""


class Sheet(Record):
    """What is known of a rig. ``averages`` by dimension; ``best`` the strongest stamps; ``from_`` the stamps that were counted."""

    handle: str
    display_name: str
    tier: str
    averages: dict[str, float]
    skills: dict[str, int]
    best: tuple[Stamp, ...]
    warnings: tuple[Stamp, ...]
    badges: tuple[str, ...]
    from_: tuple[Stamp, ...]
    refused: tuple[Stamp, ...]
    breadth: int
    signals: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {
            "handle": self.handle,
            "display_name": self.display_name,
            "tier": self.tier,
            "averages": {name: round(value, 2) for name, value in self.averages.items()},
            "skills": self.skills,
            "breadth": self.breadth,
            "best": [one.id for one in self.best],
            "warnings": [one.as_json() for one in self.warnings],
            "badges": list(self.badges),
            "from": [one.id for one in self.from_],
            "not_counted": [{"id": one.id, "why": one.wrong} for one in self.refused],
            "signals": list(self.signals),
        }


class Step(Record):
    """How a rig stood after a stamp that counts: the stamp, the average quality so far (None: not stamped), and the tier."""

    stamp: Stamp
    quality: float | None
    tier: str

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        quality = None if self.quality is None else round(self.quality, 2)
        return {"stamp": self.stamp.id, "at": self.stamp.created_at, "quality": quality, "tier": self.tier}


def sheet_of(handle: str, stamps: Iterable[Stamp], display_name: str = "", badges: Iterable[str] = ()) -> Sheet:
    """Return the sheet of a rig from all judged stamps of the commons."""
    everything = list(stamps)
    about = [one for one in everything if one.subject == handle]
    counted = [one for one in about if not one.wrong]
    plain = [one for one in counted if one.severity != ROOT]
    averages = averages_of(plain)
    breadth = len({one.author for one in plain})
    best = sorted(
        (one for one in plain if one.valence.get(QUALITY, 0) >= GOOD),
        key=lambda one: -one.valence[QUALITY] * one.confidence,
    )
    return Sheet(
        handle,
        display_name,
        tier_of(len(plain), averages.get(QUALITY, 0.0), breadth),
        averages,
        dict(Counter(skill for one in plain for skill in one.skills).most_common()),
        tuple(best[:TOP]),
        tuple(one for one in counted if one.severity == ROOT),
        tuple(badges),
        tuple(counted),
        tuple(one for one in about if one.wrong),
        breadth,
        signals_of(handle, everything),
    )


def history_of(sheet: Sheet) -> list[Step]:
    """Return how a rig came to its reputation, the newest stamp first."""
    steps, plain = [], []
    for one in sorted(sheet.from_, key=lambda one: (one.created_at, one.number, one.id)):
        if one.severity != ROOT:
            plain.append(one)
        averages = averages_of(plain)
        tier = tier_of(len(plain), averages.get(QUALITY, 0.0), len({other.author for other in plain}))
        steps.append(Step(one, averages.get(QUALITY), tier))
    return steps[::-1]


def averages_of(stamps: Iterable[Stamp]) -> dict[str, float]:
    """Return the average of each dimension, weighted by the authors' confidence; a dimension of weight 0 has none."""
    sums: dict[str, list[float]] = {}
    for one in stamps:
        for name, value in one.valence.items():
            total = sums.setdefault(name, [0.0, 0.0])
            total[0] += value * one.confidence
            total[1] += one.confidence
    return {name: total / weight for name, (total, weight) in sums.items() if weight > 0}


def tier_of(count: int, quality: float, breadth: int) -> str:
    """Return the highest tier whose conditions hold."""
    return next(
        (name for name, least, good, wide in TIERS if count >= least and quality >= good and breadth >= wide), NEWCOMER
    )


def signals_of(handle: str, stamps: Iterable[Stamp]) -> tuple[str, ...]:
    """Return what looks like fraud in the stamps of and by a rig; each is a hint for a person, and changes no figure."""
    kept = [one for one in stamps if not one.wrong]
    given = Counter(one.subject for one in kept if one.author == handle)
    got = Counter(one.author for one in kept if one.subject == handle)
    found = []
    for other in sorted(set(given) & set(got)):
        mutual = given[other] + got[other]
        if mutual >= 3 and mutual * 2 >= given.total() + got.total():
            found.append(
                f"collusion: {mutual} of {given.total() + got.total()} stamps are between {handle} and {other}"
            )
        elif given[other] >= 2 and got[other] >= 2:
            found.append(f"a loop: {given[other]} stamps to {other}, {got[other]} back")
    alike = Counter(tuple(sorted(one.valence.items())) for one in kept if one.author == handle)
    if alike and max(alike.values()) >= 5:
        found.append(f"rubber stamps: {max(alike.values())} with the same figures")
    sure = [one.confidence for one in kept if one.author == handle]
    if len(sure) >= 5 and sum(sure) / len(sure) >= 0.95:
        found.append(f"always sure: {len(sure)} stamps with an average confidence of {sum(sure) / len(sure):.2f}")
    return tuple(found)


def ranked(sheets: Iterable[Sheet]) -> list[Sheet]:
    """Return sheets by tier, then quality, then handle."""
    order = [NEWCOMER, *(row[0] for row in reversed(TIERS))]
    return sorted(sheets, key=lambda one: (-order.index(one.tier), -one.averages.get(QUALITY, 0.0), one.handle))


def store_leaderboard(clone: Clone, handle: str, sheets: Iterable[Sheet], *, clock: Clock = SYSTEM_CLOCK) -> str:
    """Write the leaderboard of the commons anew and commit it; the commit, empty if nothing but its moment would change."""
    old = {str(row["handle"]): row for row in clone.read("SELECT * FROM leaderboard")}
    moment = moment_text(clock.now())
    statements = []
    for one in sheets:
        values = {
            "handle": one.handle,
            "display_name": one.display_name or one.handle,
            "tier": one.tier,
            "stamp_count": len(one.from_),
            "avg_quality": round(one.averages.get(QUALITY, 0.0), 3),
            "cluster_breadth": one.breadth,
            "top_skills": list(one.skills)[:TOP],
            "badges": list(one.badges),
        }
        before = old.pop(one.handle, {})
        if all(_same(before.get(name), value) for name, value in values.items()):
            continue
        values["computed_at"] = moment
        statements.append(
            f"REPLACE INTO leaderboard ({', '.join(values)}) VALUES ({', '.join(map(literal, values.values()))})"
        )
    statements += [f"DELETE FROM leaderboard WHERE handle = {literal(gone)}" for gone in old]
    return clone.commit(statements, f"{handle} computes the leaderboard") if statements else ""


def _same(stored: object, value: object) -> bool:
    if isinstance(value, float) and isinstance(stored, int | float):
        return abs(stored - value) < 0.001
    return stored == value
