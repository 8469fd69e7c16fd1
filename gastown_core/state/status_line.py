"""The words on the right of each session's tmux status line: what is on its hook, its mail, its queue, what is wrong.

They hold no ages and no clock, so that they change only when something happened.
"""

from __future__ import annotations

from gastown_core.model.address import DEACON, MAYOR, REFINERY, WITNESS
from gastown_core.model.agent import HEALTH_SYMBOLS, NEEDS_HELP, Health
from gastown_core.model.plain_text import clean
from gastown_core.model.snapshot import RequestState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import AgentView, TownSnapshot

WORK_WIDTH, SUBJECT_WIDTH = 40, 45
"""Characters of the hooked work and of the first unread subject; the rest is cut."""
STOPPED = "ESTOP"
BETWEEN = " · "


def status_words(town: TownSnapshot, *, is_stopped: bool = False, need: int = 0) -> dict[str, str]:
    """Session → its words, for every agent that has a session; ``is_stopped`` is the emergency stop.

    ``need`` is how many rows of the inbox wait on a person, which the town's roles show.
    """
    return {view.session: _words(town, view, is_stopped, need) for view in town.agents if view.pane_id}


def _words(town: TownSnapshot, view: AgentView, is_stopped: bool, need: int) -> str:
    parts = [STOPPED] if is_stopped else []
    parts += _trouble(view)
    role = view.address.role
    if role in (MAYOR, DEACON):
        parts += [f"✋ {need} need{'s' if need == 1 else ''} you"] if need else []
        parts += _town_words(town)
    elif role == WITNESS:
        parts += _workers(town, view.address.rig)
    elif role == REFINERY:
        parts += _queue(town, view.address.rig)
    if view.work is not None:
        parts.append(f"🪝 {_cut(f'{view.work.bead_id} {view.work.title}', WORK_WIDTH)}")
    if view.unread:
        subject = f" {_cut(view.first_subject, SUBJECT_WIDTH)}" if view.work is None and view.first_subject else ""
        parts.append(f"📬 {view.unread}{subject}")
    return BETWEEN.join(parts)


def _trouble(view: AgentView) -> list[str]:
    if view.health.state in NEEDS_HELP or view.health.state == Health.LIMITED:
        symbol, _, label = HEALTH_SYMBOLS[view.health.state]
        return [f"{symbol} {label}"]
    return []


def _town_words(town: TownSnapshot) -> list[str]:
    parts = [f"dammed: {_cut(town.dam.link.words, SUBJECT_WIDTH)}"] if town.dam is not None else []
    parts += _workers(town, "")
    waiting = sum(one.is_to_merge for one in town.requests)
    parts += [f"{waiting} to merge"] if waiting else []
    parts += [f"{town.scheduler.queued} queued"] if town.scheduler.queued else []
    parts += ["dispatch paused"] if town.scheduler.is_paused else []
    parts += [f"{town.escalations} escalated"] if town.escalations else []
    return parts


def _workers(town: TownSnapshot, rig: str) -> list[str]:
    """How many agents of the rig (of the town, if empty) work and how many need help."""
    seen = [one for one in town.agents if rig in ("", one.address.rig)]
    working = sum(1 for one in seen if one.health.state == Health.WORKING)
    troubled = sum(1 for one in seen if one.health.state in NEEDS_HELP)
    return [f"{working} working", *([f"{troubled} with problems"] if troubled else [])]


def _queue(town: TownSnapshot, rig: str) -> list[str]:
    merging = [one for one in town.requests if one.rig == rig and one.state == RequestState.MERGING]
    waiting = sum(
        1 for one in town.requests if one.rig == rig and one.state in (RequestState.QUEUED, RequestState.BLOCKED)
    )
    refinery = town.refinery(rig)
    if refinery is not None and refinery.is_held:
        parts = ["held"]
    elif merging:
        parts = [f"merging {', '.join(one.bead_id for one in merging[:2])}"]
    else:
        parts = [] if waiting else ["idle"]
    return [*parts, *([f"+{waiting} queued"] if waiting else [])]


def _cut(text: str, width: int) -> str:
    plain = clean(text)
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"
