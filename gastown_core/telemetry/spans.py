"""Notes as spans: commands, runs of agents, and the way of a bead from its sling to its merge.  Pure.

A run begins with a session's start and ends with its stop; what has begun is kept in ``memory`` until then.  Ids are made
from what a span is about, so a span that is sent twice is the same span.
"""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256
from gastown_core.telemetry.records import origin_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from gastown_core.telemetry.notes import Note

RUNS, WORK = "runs", "work"
MOST_OPEN = 2000
"""Of runs, and of beads under way, that are kept; the oldest are let go."""
PROVIDERS = {"claude": "anthropic", "codex": "openai", "gemini": "gcp.gemini"}
"""Runtime → ``gen_ai.provider.name``; other programs speak to several providers."""
INVOKE = "invoke_agent"


class Span(Record):
    """A span, with its ids as numbers; ``parent`` 0: it is the root of its trace."""

    name: str
    trace_id: int
    span_id: int
    parent: int
    start: float
    end: float
    attributes: Mapping[str, str | int | float | bool]
    origin: Mapping[str, str]
    error: str = ""
    is_client: bool = False


def spans_of(
    notes: list[Note],
    memory: dict[str, Any],
    used: Callable[[str, float, float], Mapping[str, str | int]] = lambda *_: {},
) -> list[Span]:
    """Return the spans that end with these notes, and keep in ``memory`` what begins.

    ``used(agent, start, end)`` tells the attributes of what an agent used in that time.
    """
    found: list[Span] = []
    for note in notes:
        rule = _RULES.get(note.kind)
        if rule is not None:
            found += rule(note, memory, used)
    for name in (RUNS, WORK):
        kept = memory.get(name)
        while isinstance(kept, dict) and len(kept) > MOST_OPEN:
            del kept[next(iter(kept))]
    return found


def _command(note: Note, _memory: dict[str, Any], _used: object) -> Iterator[Span]:
    took = note.attributes.get("duration_ms")
    if not isinstance(took, int | float) or isinstance(took, bool):
        return
    start = note.at - took / 1000
    is_bd = note.kind == "bd.call"
    name = f"bd {note.attributes.get('subcommand', '')}" if is_bd else f"gt {note.attributes.get('command', '')}"
    trace_id, parent = _parent_of(note.attributes.get("traceparent"))
    about = f"{note.at:.3f} {note.actor} {name} {took}"
    told: dict[str, str | int | float | bool] = {"process.command": name.split(" ")[0], "gastown.command": name}
    code = note.attributes.get("code")
    if isinstance(code, int):
        told["process.exit.code"] = code
    yield Span(
        name.strip(), trace_id or _id("trace", about, 16), _id("span", about, 8), parent, start, note.at, told,
        origin_of(note.actor), note.error,
    )  # fmt: skip


def _parent_of(text: object) -> tuple[int, int]:
    """Return trace and span of a ``traceparent``; zeros if it is none."""
    parts = text.split("-") if isinstance(text, str) else []
    if len(parts) != 4 or [len(part) for part in parts] != [2, 32, 16, 2]:
        return 0, 0
    try:
        return int(parts[1], 16), int(parts[2], 16)
    except ValueError:
        return 0, 0


def _run_begins(note: Note, memory: dict[str, Any], _used: object) -> Iterator[Span]:
    session = str(note.attributes.get("session_id") or "")
    if session:
        runs = memory.setdefault(RUNS, {})
        runs.pop(session, None)
        runs[session] = {"at": note.at, "actor": note.actor, "agent_type": note.attributes.get("agent_type", "")}
    return iter(())


def _run_ends(note: Note, memory: dict[str, Any], used: Callable[..., Mapping[str, str | int]]) -> Iterator[Span]:
    runs = memory.get(RUNS, {})
    target = str(note.attributes.get("session_id") or "")
    # some events name the session, others the agent
    session = target if target in runs else next((name for name, run in runs.items() if run["actor"] == target), "")
    if not session:
        return
    run = runs.pop(session)
    actor, start = str(run["actor"]), float(run["at"])
    told: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": INVOKE,
        "gen_ai.agent.name": actor,
        "gen_ai.agent.id": session,
        **used(actor, start, note.at),
    }
    provider = PROVIDERS.get(str(run["agent_type"]))
    if provider:
        told["gen_ai.provider.name"] = provider
    about = f"{session} {start:.3f}"
    yield Span(
        f"{INVOKE} {actor}", _id("run", about, 16), _id("run span", about, 8), 0, start, note.at, told,
        origin_of(actor), note.error, is_client=True,
    )  # fmt: skip


def _work_begins(note: Note, memory: dict[str, Any], _used: object) -> Iterator[Span]:
    bead = str(note.attributes.get("bead") or "")
    if bead:
        work = memory.setdefault(WORK, {})
        work.pop(bead, None)
        work[bead] = {"at": note.at, "slung": note.at, "target": str(note.attributes.get("target") or "")}
    return iter(())


def _work_done(note: Note, memory: dict[str, Any], _used: object) -> Iterator[Span]:
    bead = str(note.attributes.get("bead") or "")
    kept = memory.get(WORK, {}).get(bead)
    if kept is not None:
        yield _part(bead, "work", kept, note, {"gastown.exit_type": str(note.attributes.get("exit_type") or "")})
        kept["at"] = note.at


def _work_merged(note: Note, memory: dict[str, Any], _used: object) -> Iterator[Span]:
    bead = str(note.attributes.get("bead") or "")
    kept = memory.get(WORK, {}).get(bead)
    if kept is None:
        return
    result = str(note.attributes.get("result") or "")
    yield _part(bead, "merge", kept, note, {"gastown.result": result})
    kept["at"] = note.at
    if result == "merged":
        del memory[WORK][bead]
        yield _whole(bead, kept, note)


def _part(bead: str, name: str, kept: Mapping[str, Any], note: Note, more: Mapping[str, str]) -> Span:
    trace = f"{bead} {kept['slung']:.3f}"
    told = {"gastown.bead": bead, "gastown.target": kept["target"], **more}
    own = _id("part", f"{trace} {name} {kept['at']:.3f}", 8)
    return Span(
        f"{name} {bead}", _id("work", trace, 16), own, _id("work span", trace, 8), kept["at"], note.at, told,
        origin_of(note.actor), note.error,
    )  # fmt: skip


def _whole(bead: str, kept: Mapping[str, Any], note: Note) -> Span:
    trace = f"{bead} {kept['slung']:.3f}"
    told = {"gastown.bead": bead, "gastown.target": kept["target"]}
    ids = _id("work", trace, 16), _id("work span", trace, 8)
    return Span(f"bead {bead}", *ids, 0, kept["slung"], note.at, told, origin_of(note.actor))


def _id(kind: str, about: str, length: int) -> int:
    """Return an id of ``length`` bytes that is the same for the same words, and never 0."""
    return int.from_bytes(sha256(f"{kind} {about}".encode())[:length], "big") or 1


_RULES: Mapping[str, Callable[[Note, dict[str, Any], Any], Iterator[Span]]] = {
    "command": _command,
    "bd.call": _command,
    "agent.instantiate": _run_begins,
    "session.stop": _run_ends,
    "sling": _work_begins,
    "done": _work_done,
    "merge": _work_merged,
}
