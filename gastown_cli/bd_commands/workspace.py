"""What every ``bd`` command works with: the store at its working directory, the town's other stores, and the actor.

Changes made through ``Workspace`` are logged once each in the town's event log.
"""

from __future__ import annotations

import os
import sys

from gastown_cli import output
from gastown_core.beads.discovery import broken_redirect, need_beads_dir
from gastown_core.beads.opening import ensure_driver, open_store
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, NotFoundError, PartialError, UsageError
from gastown_core.files import system
from gastown_core.files.plain import open_plain
from gastown_core.model.bead import CLOSED
from gastown_core.town.discover import find_town

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead

    Change = Callable[[RuleBatch, str], Bead]


class Workspace:
    """The store at the working directory, and the town that contains it, if any."""

    def __init__(self, args: Namespace, *, whatever_it_holds: bool = False) -> None:
        # a lone surrogate in a title must not stop a list; in JSON this is its proper escape
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
        self.as_json = bool(args.json)
        self.quiet = bool(args.quiet)
        self.failed: list[GastownError] = []
        self.changed: list[tuple[Bead | None, Bead]] = []
        self.place = os.path.abspath(args.directory) if args.directory else os.getcwd()
        self.root = find_town(args.directory or None) or ""
        self.clock = SYSTEM_CLOCK
        self.ledger: TownLedger | None = None
        beads_dir = need_beads_dir(self.place)
        if self.root:
            from gastown_core.beads.ledger import TownLedger

            self.ledger = TownLedger(self.root, progress=show_progress, read_only=args.readonly)
            self.store = self.ledger.adopt(beads_dir)
        else:
            self.store = open_store(beads_dir, progress=show_progress, read_only=args.readonly)
        if not whatever_it_holds:
            self._check_ledger()
        target = broken_redirect(self.store.beads_dir)
        if target:
            output.note(f"warning: reading {self.store.beads_dir} although it is redirected: {target} does not exist")
        if self.store.trouble and not self.quiet:
            output.note(f"warning: {output.clean(self.store.trouble)}")
        self.actor = args.actor or _actor(self.root, self.place)

    def _check_ledger(self) -> None:
        """Warn about ledger lines that cannot be read. Raises StoreError if that is all of them."""
        count, reason = self.store.check_understood()
        if count and not self.quiet:
            some = "1 line" if count == 1 else f"{count} lines"
            first = output.clean(reason)
            output.note(f"warning: cannot read {some} of {self.store.path()} ({first}); bd doctor lists them")

    def now(self) -> float:
        """Return the current time in Unix seconds."""
        return self.clock.now()

    def locate(self, partial: str) -> tuple[BeadStore, str]:
        """Return store and full id of a bead: this store first, then the town's routes. Raises NotFoundError, UsageError."""
        partial = partial.strip()
        if self.ledger is None or self.store.own_excerpt(partial) is not None:
            return self.store, self.store.resolve(partial)
        if not partial.startswith(self.store.prefix + "-"):
            home = self.ledger.home_of(partial)
            if home is not None:
                return home, partial
        try:
            return self.store, self.store.resolve(partial)
        except NotFoundError:
            if "-" not in partial:
                raise
            other = self.ledger.store_for(partial)
            return other, other.resolve(partial)

    def full_id(self, partial: str) -> str:
        """Return the full id of a bead. Raises NotFoundError, UsageError."""
        return self.locate(partial)[1]

    def target_id(self, partial: str, *, force: bool = False) -> str:
        """Return the full id of a dependency's target; an ``external:`` id is returned as it is.

        With ``force``, an unknown id is returned too; it blocks until its bead exists. Raises NotFoundError, UsageError.
        """
        if partial.startswith("external:"):
            return partial
        try:
            return self.full_id(partial)
        except NotFoundError as error:
            if force and "-" in partial:
                return partial
            raise self._unknown_target(partial, error) from error

    def _unknown_target(self, partial: str, error: NotFoundError) -> NotFoundError:
        """Return the error with near matches from the whole town, and ways to name a bead that is not here."""
        from difflib import get_close_matches

        from gastown_core.beads.query import BeadQuery

        stores = self.ledger.stores().values() if self.ledger is not None else (self.store,)
        query = BeadQuery(exclude_statuses=(CLOSED,), sort="updated", limit=2000)
        known = [one.id for store in stores for one in store.headlines(query)]
        near = get_close_matches(partial, known, n=3, cutoff=0.5)
        words = [f"did you mean {', '.join(near)}?"] if near else [error.hint] if error.hint else []
        words.append("use external:PROJECT:ID for a bead of another town, or --force for an id that does not exist yet")
        return NotFoundError(f"no bead {partial}", error.why, "; ".join(words))

    def get(self, partial: str) -> Bead:
        """Return the bead. Raises NotFoundError with near matches."""
        store, bead_id = self.locate(partial)
        bead = store.get(bead_id)
        if bead is None:
            raise store.near(partial)
        return bead

    def change(self, partial: str, act: Change, *, reason: str = "") -> Bead:
        """Apply one change to one bead under its store's lock, and log it if something changed."""
        store, bead_id = self.locate(partial)
        with store.write(self.actor) as batch:
            after = act(batch, bead_id)
            changes = batch.changes()
        self.tell_all(changes, reason)
        self._touch(store, bead_id)
        return after

    def change_each(self, partials: Iterable[str], act: Change, *, reasons: list[str] | None = None) -> list[Bead]:
        """Apply a change to each id; keep failures for ``exit_code()``. Raises the error if all of them failed."""
        done: list[Bead] = []
        failed: list[GastownError] = []
        for number, partial in enumerate(partials):
            reason = reasons[min(number, len(reasons) - 1)] if reasons else ""
            try:
                done.append(self.change(partial, act, reason=reason))
            except GastownError as error:
                failed.append(error)
        if failed and not done:
            if len(failed) == 1:
                raise failed[0]
            raise GastownError(f"all {len(failed)} changes failed", "; ".join(str(error) for error in failed))
        self.failed += failed
        return done

    def exit_code(self) -> int:
        """Return 0, or 3 if some changes failed, and report those on stderr."""
        for error in self.failed:
            output.report_error(error, as_json=False)
        return PartialError.exit_code if self.failed else 0

    def tell_all(self, changes: list[tuple[Bead | None, Bead]], reason: str = "") -> None:
        """Log one event for each bead that a write changed, and keep the changes in ``changed``.

        The first write in a fresh clone also registers the merge driver with git.
        """
        taught = ensure_driver(self.store.beads_dir) if changes and not self.changed else ""
        if taught and not self.quiet:
            output.note(f"note: {taught}")
        self.changed += changes
        if not self.root:
            return
        for before, after in changes:
            _tell(self.root, self.actor, before, after, reason)

    def _touch(self, store: BeadStore, bead_id: str) -> None:
        """Remember the bead that commands without an id use."""
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | system.NOFOLLOW
            with open(
                open_plain(os.path.join(store.beads_dir, "last-touched"), flags), "w", encoding="utf-8"
            ) as handle:
                handle.write(bead_id + "\n")
        except OSError:
            return

    def touched(self, store: BeadStore, bead_id: str) -> None:
        """Remember the bead as the last touched one."""
        self._touch(store, bead_id)

    def named_or_last(self, ids: list[str], deed: str) -> list[str]:
        """Return the ids, or else the last touched bead, which is named and on a terminal confirmed first.

        Raises NotFoundError if there is none, UsageError if it is not confirmed.
        """
        if ids:
            return ids
        bead = self.get(self.last_touched())
        named = f"{output.clean(bead.id)} {output.clean(bead.title)}".rstrip()
        if not self.as_json and sys.stdin.isatty() and sys.stderr.isatty():
            sys.stderr.write(f"No bead given; {deed} the last touched one, {named}? [y/N] ")
            sys.stderr.flush()
            if input().strip().lower() not in ("y", "yes"):
                raise UsageError("cancelled", f"{bead.id} was not confirmed", f"name the bead: bd {deed} ID")
        else:
            output.note(f"no bead given; using the last touched one for {deed}: {named}")
        return [bead.id]

    def last_touched(self) -> str:
        """Return the bead that was last touched here. Raises NotFoundError if there is none."""
        try:
            with open(open_plain(os.path.join(self.store.beads_dir, "last-touched")), encoding="utf-8") as handle:
                found = handle.read().strip()
        except OSError:
            found = ""
        if not found:
            raise NotFoundError("no bead given", "no bead was touched in this store before", "name a bead by its id")
        return found


def _tell(root: str, actor: str, before: Bead | None, after: Bead, reason: str = "") -> None:
    """Append the event of one changed bead; ``rev`` is its ``updated_at``, which readers of the ledger compare with."""
    from gastown_core.events.log import append_event

    payload: dict[str, str] = {"bead": after.id, "title": after.title, "rev": after.text("updated_at")}
    if before is not None and before.status != after.status:
        payload["from"] = before.status
    if before is None or before.status != after.status:
        payload["to"] = after.status
    if after.assignee:
        payload["assignee"] = after.assignee
    if reason or after.text("close_reason"):
        payload["reason"] = reason or after.text("close_reason")
    append_event(root, _kind(before, after), actor, payload | _changed(before, after))


MOST_CHANGED = 8000
"""Longest text of a change that the log keeps for undoing it."""


def _changed(before: Bead | None, after: Bead) -> dict[str, object]:
    """Return each key that changed with both values (None: absent), which undoing needs; nothing for what is too long."""
    if before is None or after.is_tombstone:
        return {}
    old, new = before.raw, after.raw
    changed = {key: [old.get(key), new.get(key)] for key in {**old, **new} if old.get(key) != new.get(key)}
    changed.pop("updated_at", None)
    return {"changed": changed} if changed and len(str(changed)) <= MOST_CHANGED else {}


def _kind(before: Bead | None, after: Bead) -> str:
    if after.is_tombstone:
        return "delete"
    if before is None:
        return "create"
    if after.is_closed and not before.is_closed:
        return "complete"
    if before.is_closed and not after.is_closed:
        return "reopen"
    if after.is_pinned and not before.is_pinned:
        return "pin"
    return "update"


class _Line:
    """State of the progress line: when the work began, and whether the line is shown."""

    since = 0.0
    is_shown = False


def show_progress(what: str, done: int, total: int) -> None:
    """Show one progress line on stderr, on a terminal only, for work that takes longer than half a second."""
    if not sys.stderr.isatty():
        return
    if done >= total:
        if _Line.is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        _Line.since, _Line.is_shown = 0.0, False
        return
    import time

    _Line.since = _Line.since or time.monotonic()
    if time.monotonic() - _Line.since > 0.5:
        _Line.is_shown = True
        sys.stderr.write(f"\r{what} {done * 100 // max(total, 1)} %\x1b[K")
        sys.stderr.flush()


def _actor(root: str, place: str) -> str:
    for key in ("BEADS_ACTOR", "BD_ACTOR", "GT_ROLE"):
        if os.environ.get(key):
            return os.environ[key]
    if root:
        return "overseer"
    from gastown_cli.bd_commands.git_identity import git_identity

    return git_identity(place)[0] or os.environ.get("USER") or "somebody"
