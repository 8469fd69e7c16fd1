"""The audit: does each mountain make progress?

Progress is a member closed or handed in, or a new commit.  ``.runtime/mountain-audit.json`` keeps what was seen, so
that every stall and every "complete with skips" is reported once.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds, format_span, parse_moment
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.messaging.mail import HIGH
from gastown_core.model.address import MAYOR
from gastown_core.model.bead import IN_REVIEW, OPEN
from gastown_core.town.settings import load_settings
from gastown_core.work.board import Board
from gastown_core.work.convoy import feeding, landing
from gastown_core.work.convoy.landing import tell
from gastown_core.work.mountain.status import ACTIVE, BLOCKED, COMPLETED, READY, SKIPPED, View, list_mountains, look
from gastown_core.work.scheduler import reclaim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock

ACTOR = "daemon"
STALL_KEY = "operational.mountain.stall"
MOST_SEEN = 5000


def path_of(root: str) -> str:
    """Return the path of the audit's notes."""
    return os.path.join(root, ".runtime", "mountain-audit.json")


def read_notes(root: str) -> dict[str, object]:
    """Return convoy → its entry; empty if the file cannot be read."""
    try:
        return read_json(path_of(root)) or {}
    except GastownError:
        return {}


def forget(root: str, convoy_id: str) -> None:
    """Delete a mountain's notes, so that its audit starts again."""
    if os.path.exists(path_of(root)):
        edit_json(path_of(root), lambda value: value.pop(convoy_id, None))


def audit(root: str, *, clock: Clock = SYSTEM_CLOCK, ledger: TownLedger | None = None) -> list[str]:
    """Audit every open mountain that is not paused; return what was done or reported, in words."""
    from gastown_core.beads.ledger import TownLedger

    ledger = ledger or TownLedger(root)
    convoys = [one for one in list_mountains(ledger) if one.status == OPEN]
    notes = read_notes(root)
    if not convoys and not notes:
        return []
    told: list[str] = []
    for convoy in convoys:
        told += _Audit(root, ledger, convoy.id, notes.get(convoy.id), clock).run()
    gone = set(notes) - {one.id for one in convoys}
    if gone:
        edit_json(path_of(root), lambda value: _drop(value, gone))
    return told


def _drop(value: dict[str, object], gone: set[str]) -> None:
    for convoy_id in gone:
        value.pop(convoy_id, None)


class _Audit:
    """The audit of one mountain."""

    def __init__(self, root: str, ledger: TownLedger, convoy_id: str, note: object, clock: Clock) -> None:
        self.root = root
        self.ledger = ledger
        self.convoy_id = convoy_id
        self.note: dict[str, object] = dict(note) if isinstance(note, dict) else {}
        self.clock = clock
        self.now = clock.now()

    def run(self) -> list[str]:
        """Look, act if needed, and save what was seen."""
        view = self._look()
        if view.is_paused:
            return []
        if landing.check_convoys(self.root, self.ledger, actor=ACTOR, only=(self.convoy_id,), clock=self.clock):
            return [f"{self.convoy_id} is complete"]
        told = self._judge(view)
        self._keep()
        return told

    def _look(self) -> View:
        return look(self.root, self.ledger, self.convoy_id, board=Board(self.root, self.ledger, self.now))

    def _judge(self, view: View) -> list[str]:
        seen = self.note.get("seen")
        before = [str(one) for one in seen] if isinstance(seen, list) else []
        fresh = [one for one in progress_facts(self.root, self.ledger, view) if one not in before]
        if fresh or parse_moment(self.note.get("progress_at")) is None:
            self.note["seen"] = [*before, *fresh][-MOST_SEEN:]
            self._got_on(view)
        told = self._tell_skips(view)
        limit_s = load_settings(self.root).seconds(STALL_KEY)
        since = self.now - (parse_moment(self.note.get("progress_at")) or self.now)
        if view.is_stuck_on_skips or since < limit_s:
            return told
        return told + self._help(view, since)

    def _got_on(self, view: View) -> None:
        self.note.update(progress_at=format_seconds(self.now), stalled_at=None, mailed_at=None)
        self._count(view)
        if not view.is_stuck_on_skips:
            self.note["skips_mailed_at"] = None

    def _count(self, view: View) -> None:
        self.note.update(closed=len(view.of(COMPLETED)), skipped=len(view.of(SKIPPED)))

    def _help(self, view: View, since: float) -> list[str]:
        """Release what dead workers hold and dispatch what is ready; if nothing moves, report the stall once."""
        members = [one.id for one in view.members]
        freed = reclaim.release_dead(self.root, self.ledger, actor=ACTOR, bead_ids=members, clock=self.clock)
        fed = feeding.feed(self.root, actor=ACTOR, clock=self.clock, ledger=self.ledger, only=(self.convoy_id,))
        moved = [*(f"freed {one}" for one in freed), *(one.words() for one in fed if one.ok and one.words())]
        if moved:
            self._got_on(self._look())
            return [f"{self.convoy_id} stood still: {', '.join(moved)}"]
        if self.note.get("mailed_at"):
            return []
        self._alarm(self._look(), since)
        return [f"{self.convoy_id} has stalled"]

    def _alarm(self, view: View, since: float) -> None:
        stamp = format_seconds(self.now)
        self.note.update(stalled_at=stamp, mailed_at=stamp)
        self._count(view)
        done = len(view.of(COMPLETED))
        reason = reason_in_words(view)
        payload = {"convoy": self.convoy_id, "title": view.convoy.title, "done": done, "total": view.total}
        append_event(self.root, "convoy_stalled", ACTOR, {**payload, "reason": reason}, clock=self.clock)
        body = f"Nothing has moved for {format_span(since)}: {reason}.\n\n{_report(view)}"
        self._mail(view, f"⛰ Mountain stalled: {view.convoy.title}", body, f"has stalled at {done}/{view.total}")

    def _tell_skips(self, view: View) -> list[str]:
        """Report once that only skipped members are left, for a person to decide."""
        if not view.is_stuck_on_skips or self.note.get("skips_mailed_at"):
            return []
        self.note["skips_mailed_at"] = format_seconds(self.now)
        self._count(view)
        skipped = len(view.of(SKIPPED))
        payload = {"convoy": self.convoy_id, "title": view.convoy.title, "skipped": skipped, "total": view.total}
        append_event(self.root, "mountain_complete", ACTOR, payload, clock=self.clock)
        body = (
            f"All that could be done is done; {skipped} skipped. The convoy stays open for you to decide:\n"
            "close what is not wanted (bd close ID), or give it another try (gt mountain retry ID).\n\n" + _report(view)
        )
        subject = f"⛰ Mountain complete with skips: {view.convoy.title}"
        self._mail(view, subject, body, f"is complete with {skipped} skipped")
        return [f"{self.convoy_id} is complete with {skipped} skipped"]

    def _mail(self, view: View, subject: str, body: str, banner: str) -> None:
        tell(
            self.root,
            self.ledger,
            view.convoy,
            subject,
            body,
            banner=f"Mountain {self.convoy_id} {banner}",
            sender=ACTOR,
            extra=(MAYOR,),
            priority=HIGH,
            clock=self.clock,
        )

    def _keep(self) -> None:
        edit_json(path_of(self.root), lambda value: value.__setitem__(self.convoy_id, self.note))


def progress_facts(root: str, ledger: TownLedger, view: View) -> list[str]:
    """Return a mountain's progress: members done or handed in, and commits on the branches of the others."""
    facts = [f"{one.id} {one.status}" for one in view.members if one.group == COMPLETED or one.status == IN_REVIEW]
    return sorted({*facts, *_tips(root, ledger, [one.id for one in view.members if one.group != COMPLETED])})


def _tips(root: str, ledger: TownLedger, bead_ids: list[str]) -> list[str]:
    """Return commits of unfinished work beyond its rig's default branch; one git call per rig."""
    from gastown_core.model.metadata import read_dispatch
    from gastown_core.town.discover import read_rigs, rig_of_bead
    from gastown_core.town.rigs import bare_repo, default_branch

    rigs = read_rigs(root)
    branches: dict[str, list[str]] = {}
    for bead in ledger.get_many(bead_ids).values() if bead_ids else ():
        branch, rig = read_dispatch(bead).branch, rig_of_bead(rigs, bead.id)
        if branch and rig:
            branches.setdefault(rig, []).append(f"refs/heads/{branch}")
    tips: list[str] = []
    for rig, refs in branches.items():
        beyond = f"--no-merged=refs/remotes/origin/{default_branch(root, rig)}"
        try:
            done = bare_repo(root, rig).attempt("for-each-ref", "--format=%(objectname)", beyond, *refs)
        except GastownError:
            continue
        tips += done.out.split()
    return tips


def reason_in_words(view: View) -> str:
    """Return the shortest accurate reason for the stall."""
    ready, active, blocked = view.of(READY), view.of(ACTIVE), view.of(BLOCKED)
    if active:
        shown = ", ".join(f"{one.id} {one.why}" for one in active[:2])
        return f"{len(active)} at work without a commit or a merge ({shown})"
    if ready:
        return f"{len(ready)} ready but no polecat is free"
    if blocked:
        shown = "; ".join(f"{one.id} {one.why}" for one in blocked[:2])
        return f"everything left is blocked ({shown})"
    return "nothing is left to dispatch"


def _report(view: View) -> str:
    counts = view.counts()
    lines = [f"{view.convoy.id} {view.convoy.title}: {counts[COMPLETED]} of {view.total} done."]
    for group in (ACTIVE, READY, SKIPPED, BLOCKED):
        if counts[group]:
            lines += ["", f"{group.capitalize()} ({counts[group]}):"]
            lines += [f"- {one.id} {one.title}{f': {one.why}' if one.why else ''}" for one in view.of(group)[:15]]
    return "\n".join(lines)
