"""The board of a commons: items, completions and stamps as the town's clone has them, read whole and kept until the clone changes.

What is kept lies beside the clone and may be deleted at any time.  Whether the clone has changed is told by its files, so a
console that looks again starts no process.
"""

from __future__ import annotations

import os
from functools import lru_cache

from gastown_core.clock import parse_moment
from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import encode_json
from gastown_core.model.record import Record
from gastown_core.model.wanted import CLAIMED, IN_REVIEW, Commons, Completion, Judgement, Wanted
from gastown_core.wasteland import reputation, schema, stamps, wanted
from gastown_core.wasteland.contact import Contact, read_contact
from gastown_core.wasteland.exchange import WAITING, unmerged
from gastown_core.wasteland.membership import BOARD, SUMMARY, read_membership

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.wasteland.clone import Clone
    from gastown_core.wasteland.membership import Membership
    from gastown_core.wasteland.reputation import Sheet
    from gastown_core.wasteland.stamps import Stamp

    Tables = dict[str, list[dict[str, Any]]]

FORM = 2
QUESTIONS = {
    "wanted": wanted.ASK_WANTED,
    "completions": wanted.ASK_COMPLETIONS,
    "stamps": stamps.ASK_STAMPS,
    "rigs": "SELECT handle, display_name FROM rigs ORDER BY handle",
    "columns": schema.ASK_COLUMNS,
    "version": schema.ASK_VERSION,
    "badges": "SELECT rig_handle, badge_type FROM badges ORDER BY awarded_at, id",
}
_STORE = (".dolt", "noms")
_JOURNAL = "v" * 32
MOST_TOLD, MOST_CHARS = 200, 500
"""So many completions to judge stand in a town's picture, with so much of their texts."""


class Board(Record):
    """What a town sees of its commons; text of other towns, not cleaned. ``to_send``: changes that the commons lacks, oldest first; ``version`` is that of its schema, only read if ``is_newer``; ``contact`` when the commons was last reached."""

    upstream: str
    handle: str
    wanted: tuple[Wanted, ...]
    completions: tuple[Completion, ...]
    stamps: tuple[Stamp, ...]
    names: dict[str, str]
    badges: dict[str, tuple[str, ...]]
    to_send: tuple[str, ...] = ()
    version: tuple[int, int] = (0, 0)
    is_newer: bool = False
    contact: Contact = Contact()

    @property
    def mine(self) -> tuple[Wanted, ...]:
        """What this town has claimed and not yet had accepted."""
        states = (CLAIMED, IN_REVIEW)
        return tuple(one for one in self.wanted if one.claimed_by == self.handle and one.status in states)

    @property
    def to_judge(self) -> tuple[tuple[Wanted, Completion], ...]:
        """What was handed in for this town's items and waits for its judgement: the item and its newest completion."""
        newest = {one.wanted_id: one for one in self.completions if not one.validated_by}
        waits = (one for one in self.wanted if one.posted_by == self.handle and one.status == IN_REVIEW)
        return tuple((one, newest[one.id]) for one in waits if one.id in newest)

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """The same, the longest waiting first, for a town's picture: at most ``MOST_TOLD``, without long texts."""
        told = []
        for one, handed in self.to_judge:
            short = one._replace(title=one.title[:MOST_CHARS], description="", tags=())
            told.append(
                Judgement(
                    short,
                    handed._replace(evidence=handed.evidence[:MOST_CHARS]),
                    parse_moment(handed.completed_at) or 0.0,
                )
            )
        return tuple(sorted(told, key=lambda one: (one.since or float("inf"), one.item.id))[:MOST_TOLD])

    def item(self, item: str) -> Wanted | None:
        """Return an item by its id."""
        return next((one for one in self.wanted if one.id == item), None)

    def handed_in(self, item: str) -> tuple[Completion, ...]:
        """Return the completions of an item, oldest first."""
        return tuple(one for one in self.completions if one.wanted_id == item)

    def sheet(self, handle: str) -> Sheet:
        """Return a rig's reputation."""
        return reputation.sheet_of(handle, self.stamps, self.names.get(handle, ""), self.badges.get(handle, ()))

    def sheets(self) -> list[Sheet]:
        """Return the sheets of all that have stamps, the best first."""
        return reputation.ranked(self.sheet(handle) for handle in sorted({one.subject for one in self.stamps}))


def commons_of(root: str, *, is_patient: bool = True) -> Commons | None:
    """Return what a town's picture says of its commons, None if it has joined none. Raises GastownError.

    A small file beside the clone has it, so that it costs no more than the town has to judge.  A caller without patience gets
    what was true when somebody last looked, if that is known.
    """
    member = read_membership(root)
    if member is None or not member.clone().exists:
        return None
    path, mark = member.clone().path + SUMMARY, mark_of(member.clone())
    try:
        kept = read_json(path) or {}
    except SettingsError:
        kept = {}
    same = (kept.get("form"), kept.get("upstream"), kept.get("handle")) == (FORM, member.upstream, member.handle)
    if same and ((mark and kept.get("mark") == mark) or not is_patient):
        found = _summary(kept)
        if found is not None:
            return found
    board = read_board(member)
    made = Commons(member.upstream, member.handle, board.judgements, len(board.to_send))
    _keep(
        path,
        {
            "form": FORM,
            "mark": mark,
            **made._asdict(),
            "to_judge": [
                {"item": one.item.as_json(), "handed": one.handed._asdict(), "since": one.since}
                for one in made.to_judge
            ],
        },
    )
    return made


def _summary(kept: Mapping[str, Any]) -> Commons | None:
    """Return what was kept, None if it is not whole."""
    try:
        told = [
            Judgement(
                Wanted(**{**one["item"], "tags": tuple(one["item"]["tags"])}),
                Completion(**one["handed"]),
                float(one["since"]),
            )
            for one in kept["to_judge"]
        ]
        return Commons(str(kept["upstream"]), str(kept["handle"]), tuple(told), int(kept["to_send"]))
    except (KeyError, TypeError, ValueError):
        return None


def board_of(root: str) -> Board | None:
    """Return the board of the commons that the town has joined, None if it has joined none. Raises GastownError."""
    member = read_membership(root)
    if member is None or not member.clone().exists:
        return None
    return read_board(member)


def read_board(member: Membership) -> Board:
    """Return the board of a membership. Raises StoreError with dolt's reason."""
    mark = mark_of(member.clone())
    # a console that looks every other second decodes nothing while the clone stays as it is
    board = _kept(member, mark) if mark else _made(member, mark)
    return board._replace(contact=read_contact(member))


@lru_cache(maxsize=2)
def _kept(member: Membership, mark: str) -> Board:
    return _made(member, mark)


def _made(member: Membership, mark: str) -> Board:
    tables = _tables(member.clone(), mark)
    rigs = {str(row["handle"]): str(row.get("display_name") or "") for row in tables["rigs"]}
    handed = [wanted.completion_of(row) for row in tables["completions"]]
    found = schema.examined(tables["columns"], tables["version"])
    badges: dict[str, tuple[str, ...]] = {}
    for row in tables["badges"]:
        handle = str(row.get("rig_handle") or "")
        badges[handle] = (*badges.get(handle, ()), str(row.get("badge_type") or ""))
    return Board(
        member.upstream,
        member.handle,
        tuple(map(wanted.wanted_of, tables["wanted"])),
        tuple(handed),
        tuple(
            stamps.judge(map(stamps.stamp_of, tables["stamps"]), {*rigs}, {one.id: one.completed_by for one in handed})
        ),
        rigs,
        badges,
        tuple(unmerged(tables["waiting"])),
        found.version,
        found.is_newer,
    )


def _tables(clone: Clone, mark: str) -> Tables:
    """Return the rows of the tables: kept ones if they are of this state of the clone."""
    path = clone.path + BOARD
    try:
        kept = read_json(path) or {}
    except SettingsError:
        kept = {}
    found = kept.get("tables")
    if mark and kept.get("form") == FORM and kept.get("mark") == mark and isinstance(found, dict):
        return found
    try:
        rows = clone.read_several(*QUESTIONS.values(), WAITING)
    except StoreError:
        # before the first exchange there is no branch of the commons to compare with; older schemas lack tables
        rows = [*(_rows(clone, sql) for sql in QUESTIONS.values()), []]
    tables = dict(zip((*QUESTIONS, "waiting"), rows, strict=True))
    # the mark of before the question: what changes meanwhile is read the next time
    _keep(path, {"form": FORM, "mark": mark, "tables": tables})
    return tables


def _keep(path: str, value: dict[str, Any]) -> None:
    try:
        write_atomic(path, encode_json(value).encode("utf-8", "replace"), mode=0o600, sync=False)
    except StoreError:
        # no room: what was read is as good, and the next look reads it again
        pass


def _rows(clone: Clone, sql: str) -> list[dict[str, Any]]:
    try:
        return clone.read(sql)
    except StoreError:
        return []


def store_of(root: str) -> str:
    """Return the folder whose files tell states of the town's clone apart; empty if there is none."""
    try:
        member = read_membership(root)
    except SettingsError:
        return ""
    return os.path.join(member.path, *_STORE) if member is not None else ""


def mark_of(clone: Clone) -> str:
    """Return what tells states of a clone apart, from its files; empty if they are not as expected."""
    store = os.path.join(clone.path, *_STORE)
    try:
        with open(open_plain(os.path.join(store, "manifest")), encoding="utf-8", errors="replace") as handle:
            manifest = handle.read(4096)
    except OSError:
        return ""
    try:
        size = os.stat(os.path.join(store, _JOURNAL)).st_size
    except FileNotFoundError:
        size = 0
    return f"{manifest}/{size}"
