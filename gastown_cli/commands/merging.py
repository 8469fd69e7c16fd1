"""Running the merge engine from a terminal, as ``gt refinery process`` and ``gt mq retry --now`` do."""

from __future__ import annotations

import signal

from gastown_cli import output
from gastown_core.clock import format_span
from gastown_core.errors import ConflictError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.records import BatchResult


def merge(root: str, rig: str, *, once: bool, as_json: bool, patient: bool = False) -> int:
    """Run the merge engine and print its batches."""
    from gastown_core.model.address import POLECAT
    from gastown_core.refinery.engine import process
    from gastown_core.town.identity import caller

    if caller().role == POLECAT:
        raise UsageError("polecats cannot merge", "their work goes through the merge queue", "gt done hands it in")
    ending: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # what is in hand goes back to the queue before we end; a handler takes no lock: the next signal interrupts it
        signal.signal(number, lambda number, _: ending.append(number))
    results = process(root, rig, once=once, patient=patient, stop=lambda: bool(ending))
    if not results:
        _say_why(root, rig, as_json=as_json)
    elif as_json:
        output.say_json([result.as_json() for result in results])
    for result in results if not as_json else ():
        _show(result)
    if not as_json:
        _warn(root, rig)
    if ending:
        return 130
    return max(map(_code, results), key=(0, 3, 1).index, default=0)


def _code(result: BatchResult) -> int:
    """The exit code of one batch: 1 if the queue is held or the target red, 3 if work was sent back."""
    from gastown_core.refinery.verification import NO_VERDICT, RED, TAKEN_BACK

    if result.hold or result.found in (RED, NO_VERDICT):
        return 1
    return 3 if result.culprits or result.conflicts or result.found == TAKEN_BACK else 0


def _say_why(root: str, rig: str, *, as_json: bool) -> None:
    from gastown_core.refinery.engine import RefineryEngine
    from gastown_core.refinery.freeze import frozen
    from gastown_core.refinery.hold import PUSH_BY_HAND, read_hold
    from gastown_core.refinery.place import Refinery, merging_process
    from gastown_core.refinery.room import why_no_room

    place = Refinery(root, rig)
    engine = RefineryEngine(place)
    if full := why_no_room(place):
        raise ConflictError(f"nothing is merged in {rig}", full, f"gt refinery status {rig}")
    for target in engine.targets():
        pid = merging_process(place, target)
        if pid:
            raise ConflictError(f"pid {pid} is already merging into {target}", "", f"gt refinery status {rig}")
        freeze = frozen(place)
        if freeze is not None:
            raise ConflictError(f"nothing is merged in {rig}", freeze.reason, f"gt mq thaw {rig}")
        hold = read_hold(place, target)
        if hold is not None:
            ready = next((one.id for one in engine.queue().ready if one.target == target), "")
            again = (
                f"gt mq retry {ready} --now tries at once, the daemon in {format_span(hold.until - place.clock.now())}"
            )
            next_step = again if ready and hold.kind != PUSH_BY_HAND else f"gt refinery status {rig}"
            raise ConflictError(f"merging into {target} is held", hold.reason, next_step)
    output.say_json([]) if as_json else output.say(f"no request is ready in the merge queue of {rig}")


def _show(result: BatchResult) -> None:
    mark = output.style("✗", "red") if _code(result) else output.style("✓", "green")
    output.say(f"{mark} {output.clean(result._replace(notes=()).words())}")
    probes, runs = ("probe" if result.probes == 1 else "probes"), ("gate run" if result.runs == 1 else "gate runs")
    how = f"{result.probes} {probes}, {result.runs} {runs}, {result.secs:.1f} s"
    output.say(f"  {result.id}: {how}" + (f", {result.target} is at {result.head[:8]}" if result.head else ""))
    for note in result.notes:
        output.say(f"  {output.clean(note)}")


def _warn(root: str, rig: str) -> None:
    from gastown_core.refinery.policy import load_policy

    policy = load_policy(root, rig)
    for warning in policy.warnings:
        output.note(f"note: {output.clean(warning)}")
    if not policy.gates:
        output.note(
            f"note: {rig} has no gates, so nothing is tested; next: gt config set "
            f"merge_queue.test_command CMD --rig {rig}"
        )
