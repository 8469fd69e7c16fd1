"""What the JSON API reads from disk: a row for each endpoint, with the functions of ``readers`` that the pages use."""

from __future__ import annotations

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import NotFoundError
from gastown_core.model.wanted import ALL, OPEN, WantedFilter
from gastown_core.orders.act_log import acts_of
from gastown_core.orders.mail_room import OVERSEER
from gastown_core.state.detail import bead_detail
from gastown_core.state.spending import KINDS
from gastown_core.wasteland.board import board_of
from gastown_core.wasteland.reputation import history_of
from gastown_web.readers import READERS, SPANS
from gastown_web.reads import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gastown_core.model.bead import Bead
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.wasteland.board import Board

MOST_BEADS = 1000


class Asked:
    """A request: the town's folder and snapshot, the time, and the query's words."""

    def __init__(self, root: str, town: TownSnapshot, now: float, words: Mapping[str, str]) -> None:
        self.root = root
        self.town = town
        self.now = now
        self.words = words

    def place(self, about: str = "") -> Place:
        """Return what a reader of the pages takes."""
        return Place(self.root, self.town, about, self.now)


def _bead_json(bead: Bead, store: str) -> dict[str, object]:
    return {**bead.raw, "rig": "" if store == "town" else store}


def _beads(asked: Asked) -> object:
    words = asked.words
    status, rig = words.get("status", ""), words.get("rig", "")
    wanted = BeadQuery(
        statuses=(status,) if status and status != "all" else (),
        exclude_statuses=() if status else ("closed",),
        types=(words["type"],) if words.get("type") else (),
        assignees=(words["assignee"],) if words.get("assignee") else (),
        text=words.get("text", ""),
        exclude_templates=True,
        limit=_limit(words),
    )
    ledger = TownLedger(asked.root)
    try:
        stores = ledger.stores()
        if rig and rig not in stores:
            raise NotFoundError(f"the town has no rig {rig} with a ledger")
        found = [
            _bead_json(bead, name) for name, store in stores.items() if rig in ("", name) for bead in store.find(wanted)
        ]
    finally:
        ledger.close()
    return {"beads": found[: wanted.limit], "missing": dict(ledger.missing)}


def _limit(words: Mapping[str, str]) -> int:
    text = words.get("limit", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 100
    return max(1, min(number, MOST_BEADS))


def _bead(asked: Asked) -> object:
    bead_id = asked.words.get("id", "")
    detail = bead_detail(asked.root, bead_id) if bead_id else None
    if detail is None:
        raise NotFoundError(f"no bead {bead_id}" if bead_id else "say which bead: ?id=ID")
    keys = ("id", "type", "title", "status")
    return {
        **_bead_json(detail.bead, detail.store),
        "depends_on": [dict(zip(keys, one, strict=True)) for one in detail.depends_on],
        "dependents": [dict(zip(keys, one, strict=True)) for one in detail.dependents],
    }


def _mail(asked: Asked) -> object:
    reader = asked.words.get("of", "") or OVERSEER
    return {"of": reader, "messages": [one.as_json(reader) for one in READERS["mailbox"].read(asked.place(reader))]}  # type: ignore[attr-defined]


def _thread(asked: Asked) -> object:
    return {
        "messages": [
            one.as_json(OVERSEER)
            for one in READERS["thread"].read(asked.place(asked.words.get("id", "")))  # type: ignore[attr-defined]
        ]
    }


def _escalations(asked: Asked) -> object:
    return {"escalations": [one.as_json() for one in READERS["escalations"].read(asked.place())]}  # type: ignore[attr-defined]


def _scheduler(asked: Asked) -> object:
    return READERS["scheduler"].read(asked.place()).as_json()  # type: ignore[attr-defined]


def _costs(asked: Asked) -> object:
    by, span = asked.words.get("by", KINDS[0]), asked.words.get("span", "day")
    if by not in KINDS or span not in SPANS:
        raise NotFoundError(f"by is one of {', '.join(KINDS)}, span one of {', '.join(SPANS)}")
    found = READERS["costs"].read(asked.place(f"{by}.{span}"))
    rows = [one._asdict() for one in found.rows]  # type: ignore[attr-defined]
    return {**found._asdict(), "rows": rows, "total": found.total._asdict()}  # type: ignore[attr-defined]


def _audit(asked: Asked) -> object:
    found = acts_of(asked.root)
    return {"done": [one.as_json() for one in found.entries], "junk": found.junk}


def _commons(asked: Asked) -> Board:
    found = board_of(asked.root)
    if found is None:
        raise NotFoundError("this town has joined no commons", "", "gt wl join ORG/DB")
    return found


def _wasteland(asked: Asked) -> object:
    words, board = asked.words, _commons(asked)
    priority = words.get("priority", "")
    if priority not in ("", "0", "1", "2", "3", "4"):
        raise NotFoundError(f"priority is {priority}", "", "0 (most urgent) to 4")
    name = words.get("id", "")
    fits = WantedFilter(
        words.get("status", ALL if name else OPEN),
        words.get("project", ""),
        words.get("type", ""),
        int(priority) if priority else None,
    )
    found = [one for one in fits.of(board.wanted) if not name or one.id == name]
    if name and not found:
        raise NotFoundError(f"there is no wanted item {name}")
    return {
        "upstream": board.upstream,
        "handle": board.handle,
        "items": [one.as_json() for one in found[: _limit(words)]],
        "total": len(found),
        "mine": [one.as_json() for one in board.mine],
        "to_judge": [
            {
                "item": item.as_json(),
                "completed_by": handed.completed_by,
                "evidence": handed.evidence,
                "completed_at": handed.completed_at,
            }
            for item, handed in board.to_judge
        ],
        "to_send": len(board.to_send),
    }


def _reputation(asked: Asked) -> object:
    board, handle = _commons(asked), asked.words.get("handle", "")
    sheets = [board.sheet(handle)] if handle else board.sheets()
    return {"towns": [{**one.as_json(), "history": [step.as_json() for step in history_of(one)]} for one in sheets]}


ON_DISK: Mapping[str, Callable[[Asked], object]] = {
    "beads": _beads,
    "bead": _bead,
    "mail": _mail,
    "thread": _thread,
    "escalations": _escalations,
    "scheduler": _scheduler,
    "costs": _costs,
    "audit": _audit,
    "wasteland": _wasteland,
    "reputation": _reputation,
}
"""Endpoint → what answers it; each blocks, and raises GastownError."""
