"""Gates: beads that hold a step until an outside event happens or a person opens them.

Timer, bead, mail and condition gates are judged from the ledger; ``gh:run`` and ``gh:pr`` gates ask the ``gh``
program and stay shut if it is missing.  A human gate opens only by ``resolve``.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK, format_micros, format_span, parse_duration
from gastown_core.errors import GastownError, NotFoundError, UsageError
from gastown_core.formulas.formula import GATES
from gastown_core.model.bead import BLOCKS, CLOSED, OPEN, Bead
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
HUMAN, TIMER, BEAD, MAIL, GH_RUN, GH_PR, CONDITION = "human timer bead mail gh:run gh:pr condition".split()
TYPES = GATES
"""Gate types that a person or a formula may use; ``condition`` gates are made from a step's condition."""


class GateVerdict(Record):
    """The result of a check and its reason: ``open``, ``shut``, ``failed`` (cannot open by itself) or ``unknown``."""

    state: str
    why: str = ""
    found: str = ""
    """The newest run of the workflow named in ``await_id``, which replaces the name."""


OPEN_NOW, SHUT, FAILED, UNKNOWN = "open", "shut", "failed", "unknown"


class GateCheck(Record):
    """The results of checking gates; each entry is (gate id, reason)."""

    checked: int
    resolved: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    errors: tuple[tuple[str, str], ...] = ()

    def as_json(self, *, escalated: int, dry_run: bool) -> dict[str, Any]:
        """Return the object that ``bd gate check --json`` prints."""
        return {
            "checked": self.checked,
            "resolved": len(self.resolved),
            "escalated": escalated,
            "errors": len(self.errors),
            "dry_run": dry_run,
            "details": [
                {"id": gate, "outcome": word, "reason": why}
                for word, found in (("resolved", self.resolved), ("failed", self.failed), ("error", self.errors))
                for gate, why in found
            ],
        }


def create(
    store: BeadStore,
    blocks: str,
    kind: str = HUMAN,
    *,
    actor: str,
    reason: str = "",
    await_id: str = "",
    timeout: str = "",
) -> Bead:
    """Create a gate that blocks ``blocks``. Raises UsageError for an unknown type or a missing argument."""
    if kind not in TYPES:
        raise UsageError(f"unknown gate type {kind!r}", "", f"use one of {', '.join(TYPES)}")
    span = parse_duration(timeout) if timeout else None
    if timeout and span is None:
        raise UsageError(f"{timeout!r} is not a duration", "", "for example 90m or 2h")
    if kind == TIMER and span is None:
        raise UsageError("a timer gate needs --timeout", "", "for example --timeout 2h")
    if kind not in (TIMER, HUMAN) and not await_id:
        raise UsageError(f"a {kind} gate needs --await-id", "it names what to wait for")
    with store.write(actor) as batch:
        held = batch.get(blocks)
        if held is None:
            raise store.near(blocks)
        fields: dict[str, Any] = {
            "title": f"Gate: {held.title}"[:500],
            "description": reason,
            "issue_type": "gate",
            "await_type": kind,
            "await_id": await_id,
            "timeout": int(span * 1e9) if span else None,
            "ephemeral": held.is_ephemeral,
        }
        gate = batch.create(fields, kind="wisp" if held.is_ephemeral else "")
        batch.add_edge(blocks, gate.id, BLOCKS)
    return gate


def resolve(store: BeadStore, gate_id: str, *, actor: str, reason: str = "") -> Bead:
    """Open a gate by hand, whatever its type. Raises NotFoundError, also if the bead is not a gate."""
    with store.write(actor) as batch:
        need_gate(batch.get(gate_id), gate_id)
        return batch.close(gate_id, reason or f"resolved by {actor}", force=True)


def add_waiter(store: BeadStore, gate_id: str, waiter: str, *, actor: str) -> Bead:
    """Record an agent to be notified when the gate opens."""
    with store.write(actor) as batch:
        gate = need_gate(batch.get(gate_id), gate_id)
        return batch.update(gate_id, {"waiters": list(dict.fromkeys([*waiters(gate), waiter]))})


def waiters(gate: Bead) -> list[str]:
    """Return the agents to notify when the gate opens."""
    value = gate.raw.get("waiters")
    return [str(one) for one in value] if isinstance(value, list) else []


def need_gate(bead: Bead | None, gate_id: str) -> Bead:
    """Return the bead. Raises NotFoundError, also if it is not a gate."""
    if bead is None:
        raise NotFoundError(f"no gate {gate_id}", "", "bd gate list lists open gates")
    if bead.issue_type != "gate":
        raise NotFoundError(f"{gate_id} is not a gate", f"it is a {bead.issue_type}", "bd gate list lists open gates")
    return bead


def open_gates(store: BeadStore, *, closed: bool = False, limit: int = 0) -> list[Bead]:
    """Gates that are not open yet, oldest first; with ``closed``, opened ones too."""
    exclude = () if closed else (CLOSED,)
    query = BeadQuery(types=("gate",), exclude_statuses=exclude, include_wisps=True, sort="oldest", limit=limit)
    return store.find(query)


# -- judging -------------------------------------------------------------------------------------------------


class GateContext(Record):
    """What judging may look at: the time, beads by id, whether mail came or a condition holds, a folder for gh."""

    now: float
    bead: Callable[[str], Bead | None]
    has_mail: Callable[[Bead], bool]
    is_true: Callable[[Bead], bool]
    folder: str = ""


def judge(gate: Bead, look: GateContext) -> GateVerdict:
    """Return whether a gate may open, judged by its type's row in ``JUDGES``; UNKNOWN for other types.

    Raises GastownError if that cannot be found out.
    """
    kind = gate.text("await_type")
    return JUDGES[kind](gate, look) if kind in JUDGES else GateVerdict(UNKNOWN, kind)


def _judge_human(gate: Bead, look: GateContext) -> GateVerdict:
    return GateVerdict(SHUT, "waiting for a person")


def _judge_bead(gate: Bead, look: GateContext) -> GateVerdict:
    target = look.bead(gate.text("await_id"))
    if target is None:
        return GateVerdict(UNKNOWN, f"no bead {gate.text('await_id')}")
    return GateVerdict(OPEN_NOW, f"{target.id} is closed") if target.is_closed else GateVerdict(SHUT, target.status)


def _judge_mail(gate: Bead, look: GateContext) -> GateVerdict:
    return (
        GateVerdict(OPEN_NOW, f"mail from {gate.text('await_id')}")
        if look.has_mail(gate)
        else GateVerdict(SHUT, "no mail yet")
    )


def _judge_condition(gate: Bead, look: GateContext) -> GateVerdict:
    true = look.is_true(gate)
    return (
        GateVerdict(OPEN_NOW, "its condition is true") if true else GateVerdict(SHUT, "its condition is not true yet")
    )


def _judge_timer(gate: Bead, look: GateContext) -> GateVerdict:
    span = parse_duration(gate.raw.get("timeout"))
    if span is None:
        return GateVerdict(UNKNOWN, "the timer has no duration")
    left = gate.created_at + span - look.now
    return (
        GateVerdict(OPEN_NOW, f"{format_span(span)} passed")
        if left <= 0
        else GateVerdict(SHUT, f"{format_span(left)} left")
    )


def _judge_on_github(gate: Bead, look: GateContext) -> GateVerdict:
    """Ask ``gh`` about a workflow run or a pull request. Raises GastownError on failure."""
    from gastown_core import process

    cwd = look.folder
    wanted, found = gate.text("await_id"), ""
    if gate.text("await_type") == GH_PR:
        words = ["pr", "view", wanted, "--json", "state"]
    else:
        found = "" if wanted.isdecimal() else _newest_run(wanted, cwd)
        words = ["run", "view", found or wanted, "--json", "status,conclusion"]
    if wanted.startswith("-"):
        raise UsageError(f"{wanted!r} is not a run or pull request")
    done = process.run(["gh", *words], cwd=cwd or None, timeout_s=30.0)
    if done.code:
        raise GastownError(f"gh {words[0]} view {wanted} failed", done.err.strip()[:200], "check gh auth status")
    value = _answer(done.out, f"gh {words[0]} view")
    if words[0] == "pr":
        state = str(value.get("state") or "").upper()
        return GateVerdict({"MERGED": OPEN_NOW, "CLOSED": FAILED}.get(state, SHUT), f"{wanted} is {state.lower()}")
    conclusion = str(value.get("conclusion") or "").lower()
    if not conclusion:
        return GateVerdict(SHUT, f"run is {value.get('status')}", found)
    return GateVerdict(
        OPEN_NOW if conclusion in ("success", "skipped") else FAILED, f"run ended in {conclusion}", found
    )


def _newest_run(workflow: str, cwd: str) -> str:
    from gastown_core import process

    words = ["gh", "run", "list", f"--workflow={workflow}", "--limit=1", "--json", "databaseId"]
    done = process.run(words, cwd=cwd or None, timeout_s=30.0)
    if done.code:
        raise GastownError(f"gh run list of {workflow} failed", done.err.strip()[:200])
    runs = _answer(done.out, "gh run list")
    if not runs:
        raise GastownError(f"workflow {workflow} has no run yet")
    return str(runs[0]["databaseId"])


def _answer(said: str, command: str) -> Any:
    try:
        return decode_json(said)
    except ValueError as error:
        raise GastownError(f"{command} returned no JSON", str(error)) from error


JUDGES: dict[str, Callable[[Bead, GateContext], GateVerdict]] = {
    HUMAN: _judge_human,
    TIMER: _judge_timer,
    BEAD: _judge_bead,
    MAIL: _judge_mail,
    GH_RUN: _judge_on_github,
    GH_PR: _judge_on_github,
    CONDITION: _judge_condition,
}
"""Gate type → judging function. Add a new type here, and to ``formulas.formula.GATES`` if users may request it."""

# -- checking ------------------------------------------------------------------------------------------------


def check(
    ledger: TownLedger | None,
    stores: Iterable[BeadStore],
    *,
    actor: str,
    kinds: str = "all",
    limit: int = 100,
    dry_run: bool = False,
    folder: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> GateCheck:
    """Open every gate in ``stores`` that may open; ``kinds`` is one of TYPES, ``gh`` or ``all``.

    A gate that cannot be judged becomes an error in the result and stays shut; the others are still checked.
    """
    resolved: list[tuple[str, str]] = []
    failed: list[tuple[str, str]] = []
    errors: list[tuple[str, str]] = []
    checked = 0
    for store in stores:
        for gate in [one for one in open_gates(store) if _is_asked(one, kinds)][:limit]:
            checked += 1
            try:
                verdict = judge(gate, _look(ledger, store, folder, clock.now()))
                if verdict.found and not dry_run:
                    _keep_run(store, gate.id, verdict.found, actor)
                if verdict.state == OPEN_NOW:
                    _open(store, gate.id, verdict.why, actor, dry_run=dry_run)
                    resolved.append((gate.id, verdict.why))
                elif verdict.state == FAILED:
                    failed.append((gate.id, verdict.why))
                elif verdict.state == UNKNOWN:
                    errors.append((gate.id, verdict.why))
            except (GastownError, ValueError) as error:
                errors.append((gate.id, str(error)))
    return GateCheck(checked, tuple(resolved), tuple(failed), tuple(errors))


def _is_asked(gate: Bead, kinds: str) -> bool:
    kind = gate.text("await_type")
    return kinds == "all" or kind == kinds or (kinds == "gh" and kind in (GH_RUN, GH_PR))


def _look(ledger: TownLedger | None, store: BeadStore, folder: str, now: float) -> GateContext:
    def is_true(gate: Bead) -> bool:
        from gastown_core.molecules.live_conditions import condition_holds

        return condition_holds(store, gate, folder=folder)

    bead = ledger.get if ledger is not None else store.get
    return GateContext(now, bead, lambda gate: _has_mail(ledger, store, gate), is_true, folder)


def _has_mail(ledger: TownLedger | None, store: BeadStore, gate: Bead) -> bool:
    """Return whether mail whose sender or subject contains ``await_id`` arrived since the gate was made."""
    wanted = gate.text("await_id").casefold()
    town = ledger.store_for("hq-x") if ledger is not None else store
    query = BeadQuery(labels_all=("gt:message",), created_since=gate.created_at, include_wisps=True)
    return any(
        wanted in one.casefold()
        for mail in town.find(query)
        for one in (mail.text("sender"), mail.text("created_by"), mail.title)
    )


def _keep_run(store: BeadStore, gate_id: str, run: str, actor: str) -> None:
    with store.write(actor) as batch:
        batch.update(gate_id, {"await_id": run})


def _open(store: BeadStore, gate_id: str, why: str, actor: str, *, dry_run: bool) -> None:
    if not dry_run:
        with store.write(actor) as batch:
            batch.close(gate_id, why, force=True)


def open_those_due(batch: RuleBatch, gate_ids: Iterable[str], now: float) -> list[str]:
    """Open the timer and bead gates that are due, in the given batch; returns their ids."""
    opened = []
    for gate_id in gate_ids:
        gate = batch.get(gate_id)
        if gate is None or gate.is_closed or gate.text("await_type") not in (TIMER, BEAD):
            continue
        verdict = judge(gate, GateContext(now, batch.get, lambda _: False, lambda _: False))
        if verdict.state == OPEN_NOW:
            batch.close(gate_id, verdict.why, force=True)
            opened.append(gate_id)
    return opened


# -- molecules unblocked by gates ------------------------------------------------------------------------------


class Gated(Record):
    """A molecule that a gate's opening made ready and that is on nobody's hook."""

    molecule: Bead
    gate: Bead
    step: Bead

    def as_json(self) -> dict[str, str]:
        """Return the object that ``bd ready --gated --json`` lists."""
        return {
            "molecule_id": self.molecule.id,
            "molecule_title": self.molecule.title,
            "closed_gate": self.gate.id,
            "ready_step": self.step.id,
        }


def let_go(store: BeadStore, *, since_s: float = 7 * 86400.0) -> list[Gated]:
    """Molecules with a step made ready by a gate opened within ``since_s``; hooked molecules are skipped."""
    from gastown_core.molecules.steps import progress_of, root_for

    now = store.clock.now()
    query = BeadQuery(types=("gate",), statuses=(CLOSED,), include_wisps=True, closed_since=now - since_s)
    found: dict[str, Gated] = {}
    for gate in store.find(query):
        root_id = gate.parent or next((root_for(bead) for bead in _held_by(store, gate.id) if root_for(bead)), "")
        root = store.get(root_id) if root_id and root_id not in found else None
        if root is None or root.is_closed or root.status != OPEN or _is_carried(store, root):
            continue
        seen = progress_of(store, root_id)
        behind = {bead.id for bead in _held_by(store, gate.id)} | {gate.id.replace(".gate-", ".", 1)}
        step = next((view for view in seen.ready if view.id in behind), None)
        if step is not None:
            bead = store.get(step.id) or Bead({"id": step.id, "title": step.title})
            found[root_id] = Gated(root, gate, bead)
    return list(found.values())


def _held_by(store: BeadStore, gate_id: str) -> list[Bead]:
    ids = [source for source, kind in store.dependents(gate_id) if kind == BLOCKS]
    return list(store.get_many(ids).values())


def _is_carried(store: BeadStore, root: Bead) -> bool:
    """Return whether the molecule's work bead is taken."""
    from gastown_core.molecules.root_bead import molecule_of

    molecule = molecule_of(root)
    work = store.get(molecule.bead) if molecule is not None and molecule.bead else None
    return work is not None and work.status != OPEN


def timeout_text(gate: Bead) -> str:
    """Return the time at which a gate times out, empty if it has no timeout."""
    span = parse_duration(gate.raw.get("timeout"))
    return format_micros(gate.created_at + span) if span else ""
