"""THE table of what panels read from disk: the functions that the console and the commands use, each with how often.

A name is a panel's kind; what follows the colon in the panel's name is the thing that it is about.
"""

from __future__ import annotations

import os
from urllib.parse import unquote

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import NotFoundError
from gastown_core.messaging.escalation import Escalation, open_escalations
from gastown_core.model.record import Record
from gastown_core.model.refinery import RUNNING, gate_to_show, probe_to_show
from gastown_core.model.wanted import Wanted
from gastown_core.orders.act_log import Acts, acts_of
from gastown_core.orders.mail_room import mail_of, read_thread
from gastown_core.state.bead_board import BeadBoard, bead_board, bead_neighbours
from gastown_core.state.collect import judge_by
from gastown_core.state.detail import BeadDetail, UsageDetail, WorkDetail, bead_detail, usage_detail, work_detail
from gastown_core.state.diffs import Diff, agent_diff, request_diff
from gastown_core.state.sources.refineries import GateLog
from gastown_core.state.spending import KINDS, Spending, spending
from gastown_core.state.transcript import agent_transcript
from gastown_core.town.daemon_note import WatchNote, watch_note
from gastown_core.transcripts.search import Hit, places, search
from gastown_core.wasteland.board import Board, board_of
from gastown_core.wasteland.reputation import Sheet, Step, history_of
from gastown_core.work.explain import Account, explain
from gastown_web.graph_layout import Drawing, drawing
from gastown_web.reads import Place, Reader, wanted_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.query import Excerpt
    from gastown_core.messaging.message import Message
    from gastown_core.model.snapshot import AgentView, RefineryView
    from gastown_core.state.transcript import Reading

DAY_S = 86400.0
SPANS = {"day": ("the last 24 hours", DAY_S), "week": ("the last 7 days", 7 * DAY_S), "all": ("all that is known", 0.0)}
"""Word in an address → words and seconds (0: no limit)."""
MOST_HITS = 40


def _agent(place: Place) -> AgentView:
    view = place.town.agent(place.about)
    if view is None:
        raise NotFoundError(f"the town has no agent {place.about}")
    return view


class Beads(Record):
    """The board with its graph placed."""

    board: BeadBoard
    graph: Drawing


def _board(place: Place) -> Beads:
    found = bead_board(place.root, place.about, place.now)
    return Beads(found, drawing(found.graph))


class BeadPage(Record):
    """A bead with its graph, what the scheduler says about it, and what it has used."""

    detail: BeadDetail
    graph: Drawing
    account: Account | None
    usage: UsageDetail


def _bead(place: Place) -> BeadPage:
    detail = bead_detail(place.root, place.about)
    if detail is None:
        raise NotFoundError(f"no bead {place.about}")
    ledger = TownLedger(place.root)
    try:
        account = explain(place.root, ledger, detail.bead.id, judge=judge_by(place.town.agents))
    except NotFoundError:
        account = None
    finally:
        ledger.close()
    around = drawing(bead_neighbours(place.root, [detail.bead.id]))
    return BeadPage(detail, around, account, usage_detail(place.root, beads=[detail.bead.id]))


def _members(place: Place) -> Drawing:
    convoy = place.town.convoy(place.about)
    if convoy is None:
        raise NotFoundError(f"no convoy {place.about} is in view")
    found = bead_neighbours(place.root, [member.bead_id for member in convoy.members])
    return drawing(found)


def _scheduler(place: Place) -> Account:
    ledger = TownLedger(place.root)
    try:
        return explain(place.root, ledger, judge=judge_by(place.town.agents))
    finally:
        ledger.close()


def _escalations(place: Place) -> tuple[Escalation, ...]:
    ledger = TownLedger(place.root)
    try:
        return tuple(open_escalations(ledger))
    finally:
        ledger.close()


def _spending(place: Place) -> Spending:
    by, _, span = place.about.partition(".")
    seconds = SPANS.get(span, SPANS["day"])[1]
    return spending(place.root, by if by in KINDS else KINDS[0], place.now - seconds if seconds else 0.0, place.town)


def _mailbox(place: Place) -> tuple[Message, ...]:
    return tuple(mail_of(place.root, place.about))


def _thread(place: Place) -> tuple[Message, ...]:
    return tuple(read_thread(place.root, place.about))


def _transcript(place: Place) -> Reading:
    return agent_transcript(place.root, _agent(place))


def _diff(place: Place) -> Diff:
    return agent_diff(place.root, _agent(place))


def _work(place: Place) -> WorkDetail:
    return work_detail(place.root, _agent(place))


def _changes(place: Place) -> Diff:
    request = place.town.request(place.about)
    if request is None:
        raise NotFoundError(f"no open request {place.about}", "it was merged or rejected")
    return request_diff(place.root, request)


class GateOutput(Record):
    """The end of one gate's log; ``probe`` 0 if no gate has run."""

    rig: str = ""
    probe: int = 0
    gate: str = ""
    result: str = ""
    lines: tuple[str, ...] = ()
    is_cut: bool = False
    error: str = ""
    is_live: bool = False


def _gate_log(place: Place) -> GateOutput:
    """Read the log that ``RIG/PROBE/GATE`` names; without probe and gate the one that runs, or failed, or ran last."""
    rig, _, rest = place.about.partition("/")
    number, _, name = rest.partition("/")
    view = place.town.refinery(rig) if rig else _shown_refinery(place)
    if view is None:
        return GateOutput()
    probe = next((one for one in view.state.probes if str(one.id) == number), None) or probe_to_show(view.state.probes)
    gate = (
        None if probe is None else next((one for one in probe.gates if one.name == name), None) or gate_to_show(probe)
    )
    if probe is None or gate is None:
        return GateOutput(view.rig)
    is_live = view.is_alive and gate.result == RUNNING
    path = os.path.realpath(os.path.join(view.path, gate.log))
    if not gate.log or not path.startswith(os.path.realpath(view.path) + os.sep):
        return GateOutput(view.rig, probe.id, gate.name, gate.result, is_live=is_live)
    log = GateLog(path)
    log.read()
    lines = (*log.lines, log.partial) if log.partial else tuple(log.lines)
    return GateOutput(view.rig, probe.id, gate.name, gate.result, lines, log.skipped, log.error, is_live)


def _shown_refinery(place: Place) -> RefineryView | None:
    """Return one that is at work, else the one that was last."""
    found = sorted(place.town.refineries, key=lambda one: (one.is_busy, one.state.updated_at))
    return found[-1] if found else None


class Found(Record):
    """What a search found in beads and transcripts."""

    beads: tuple[Excerpt, ...] = ()
    hits: tuple[Hit, ...] = ()
    transcripts: int = 0


def _found(place: Place) -> Found:
    text = unquote(place.about).strip()
    if not text:
        return Found()
    ledger = TownLedger(place.root)
    try:
        query = BeadQuery(text=text, limit=MOST_HITS, sort="updated")
        beads = [bead for store in ledger.stores().values() for bead in store.excerpts(query)]
    finally:
        ledger.close()
    beads.sort(key=lambda one: (one.status == "closed", -one.updated_at))
    known = places(place.root)
    hits = []
    for hit in search(known, text):
        hits.append(hit)
        if len(hits) == MOST_HITS:
            break
    return Found(tuple(beads[:MOST_HITS]), tuple(hits), len(known))


def _watch(place: Place) -> WatchNote | None:
    return watch_note(place.root, place.now)


def _audit(place: Place) -> Acts:
    return acts_of(place.root)


class Wanting(Record):
    """What a page of the wasteland shows: the board (None: joined no commons), items of its filter, projects and types, reputations, how old it is."""

    board: Board | None = None
    items: tuple[Wanted, ...] = ()
    projects: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    sheets: tuple[tuple[Sheet, tuple[Step, ...]], ...] = ()
    age: str = ""


def _wanted(place: Place) -> Wanting:
    board = board_of(place.root)
    if board is None:
        return Wanting()
    projects = sorted({one.project for one in board.wanted if one.project})
    types = sorted({one.type for one in board.wanted if one.type})
    items = tuple(wanted_filter(place.about).of(board.wanted))
    return Wanting(board, items, tuple(projects), tuple(types), age=board.contact.words(place.now))


def _handed_in(place: Place) -> Wanting:
    return Wanting(board_of(place.root))


def _reputation(place: Place) -> Wanting:
    board = board_of(place.root)
    return (
        Wanting()
        if board is None
        else Wanting(board, sheets=tuple((one, tuple(history_of(one))) for one in board.sheets()))
    )


READERS: dict[str, Reader] = {
    "board": Reader(_board, gap_s=1.0),
    "bead": Reader(_bead, gap_s=1.0),
    "members": Reader(_members, gap_s=2.0),
    "scheduler": Reader(_scheduler, gap_s=2.0),
    "escalations": Reader(_escalations, gap_s=1.0),
    "mailbox": Reader(_mailbox, gap_s=1.0),
    "thread": Reader(_thread, gap_s=1.0),
    "costs": Reader(_spending, gap_s=5.0, again_s=15.0),
    "transcript": Reader(_transcript, gap_s=1.0, again_s=2.0),
    "work": Reader(_work, gap_s=2.0, again_s=10.0),
    "diff": Reader(_diff, gap_s=2.0, again_s=5.0),
    "changes": Reader(_changes, gap_s=5.0),
    "gatelog": Reader(_gate_log, gap_s=0.3, again_s=1.0),
    "found": Reader(_found, gap_s=10.0),
    "duties": Reader(_watch, gap_s=1.0, again_s=2.0),
    "wanted": Reader(_wanted, gap_s=1.0, again_s=5.0),
    "handedin": Reader(_handed_in, gap_s=1.0, again_s=5.0),
    "reputation": Reader(_reputation, gap_s=1.0, again_s=5.0),
    "audit": Reader(_audit, gap_s=0.3, again_s=2.0),
}
