"""Runs a plugin: its script with a time limit in a process group of its own, or its instructions as work for a dog."""

from __future__ import annotations

import os
import shlex
import time
from contextlib import contextmanager

from gastown_core.errors import ConflictError, GastownError, words_of
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.messaging.escalation import escalate, settle
from gastown_core.model.record import Record
from gastown_core.plugins.plugin import BY_SCRIPT
from gastown_core.plugins.runs import FAILURE, SUCCESS, record_run
from gastown_core.process import LATE, PIPE, STOPPED, end_family, follow, gt_argv, mark_family, run, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.plugins.plugin import Plugin

MOST_OUTPUT = 64 << 10
"""So many bytes of a script's output are kept, the last ones."""
SHOWN = 4000
SLING_S = 120.0
CHECK_S = 30.0


class Outcome(Record):
    """How a run went: ``is_success``, its last words, and the bead of its record."""

    is_success: bool
    detail: str
    run_id: str = ""
    bead: str = ""
    """What a dog was given."""

    @property
    def last_line(self) -> str:
        """The last line that is not blank."""
        lines = [line.strip() for line in self.detail.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def run_plugin(
    root: str,
    ledger: TownLedger,
    plugin: Plugin,
    *,
    trigger: str,
    actor: str,
    clock: Clock,
    event: bytes = b"",
    stopping: Callable[[], bool] | None = None,
    dog: str = "",
) -> Outcome:
    """Run the plugin to its end and record it; a failure is escalated once, and a later success settles that.

    ``event`` is the line of the event that started it: the script gets it on its standard input.  ``dog`` names the one
    that gets the instructions, empty for any free one.  Raises ConflictError
    while an earlier run has not ended, StoreError if the run cannot be recorded.
    """
    began, start = clock.now(), time.monotonic()
    with _only_run(root, plugin) as lock:
        try:
            if plugin.execution == BY_SCRIPT:
                outcome = _script(root, plugin, event, stopping, lock)
            else:
                outcome = _hand_to_dog(root, ledger, plugin, actor, dog)
        except (GastownError, OSError) as error:
            outcome = Outcome(False, words_of(error))
    result = SUCCESS if outcome.is_success else FAILURE
    secs = time.monotonic() - start
    detail = outcome.detail[-SHOWN:]
    made = record_run(ledger, plugin, result, at=began, secs=secs, trigger=trigger, detail=detail, actor=actor)
    key = f"plugin:{plugin.full_name}"
    if outcome.is_success:
        settle(root, ledger, key, "its next run succeeded", actor=actor, clock=clock)
    elif plugin.notifies:
        subject = f"plugin {plugin.full_name} fails: {outcome.last_line or 'it says nothing'}"
        escalate(root, ledger, plugin.severity, subject, sender=actor, key=key, source=key, reason=detail, clock=clock)
    return outcome._replace(run_id=made)


@contextmanager
def _only_run(root: str, plugin: Plugin) -> Iterator[FileLock]:
    """Hold the plugin's lock. Raises ConflictError while a run holds it, also one whose ``gt`` was killed."""
    folder = os.path.join(root, ".runtime", "locks")
    private_folder(folder)
    lock = FileLock(os.path.join(folder, f"plugin-{plugin.full_name.replace('/', '+')}.lock"), timeout_s=0.0)
    try:
        lock.__enter__()
    except ConflictError:
        hint = f"wait for it: it has {plugin.timeout_s:g} s at most, unless its gt was killed"
        raise ConflictError(f"plugin {plugin.full_name} is running", "an earlier run has not ended", hint) from None
    try:
        yield lock
    finally:
        lock.__exit__(None, None, None)


def environment(root: str, plugin: Plugin) -> dict[str, str]:
    """Return the environment of a script: the town, the rig and the plugin's own folder; no identity of an agent."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("GT_") and key != "BD_ACTOR"}
    return {
        **own,
        "GT_ROOT": root,
        "GT_TOWN_ROOT": root,
        "GT_RIG": plugin.rig,
        "GT_PLUGIN": plugin.full_name,
        "GT_PLUGIN_DIR": plugin.path,
        "BD_ACTOR": f"plugin:{plugin.full_name}",
    }


def _place(root: str, plugin: Plugin) -> str:
    return os.path.join(root, plugin.rig) if plugin.rig else root


def _script(root: str, plugin: Plugin, event: bytes, stopping: Callable[[], bool] | None, lock: FileLock) -> Outcome:
    argv = [plugin.script] if os.access(plugin.script, os.X_OK) else ["sh", plugin.script]
    marked, mark = mark_family(environment(root, plugin))
    process = spawn(
        argv, cwd=_place(root, plugin), env=marked, stdin=PIPE, stdout=PIPE, stderr=PIPE, pass_fds=(lock.fileno(),)
    )
    kept = bytearray()

    def take(data: bytes) -> None:
        kept.extend(data)
        del kept[:-MOST_OUTPUT]

    assert process.stdout is not None and process.stderr is not None
    ended = STOPPED
    try:
        with process.stdout, process.stderr:
            takers = {process.stdout: take, process.stderr: take}
            ended = follow(process, takers, stdin=event, timeout_s=plugin.timeout_s, stopped=stopping)
    finally:
        # whatever it started ends with it: a plugin leaves no process behind
        end_family(process.pid, mark)
        process.wait()
    said = kept.decode("utf-8", "replace")
    if ended == LATE:
        return Outcome(False, f"{said}\nit took longer than {plugin.timeout_s:g} s and was ended".lstrip("\n"))
    if ended == STOPPED:
        return Outcome(False, f"{said}\nthe daemon ended while it ran".lstrip("\n"))
    if process.returncode != 0:
        return Outcome(False, f"{said}\nit ended with {process.returncode}".lstrip("\n"))
    return Outcome(True, said)


def _hand_to_dog(root: str, ledger: TownLedger, plugin: Plugin, actor: str, dog: str) -> Outcome:
    """Make a bead of the instructions and sling it to a dog, an idle one if none is named."""
    target = f"deacon/dogs/{dog}" if dog else "deacon/dogs"
    fields = {
        "title": f"Plugin: {plugin.full_name}",
        "description": plugin.instructions,
        "issue_type": "task",
        "labels": sorted({f"plugin:{plugin.full_name}", *plugin.labels}),
    }
    with ledger.store_for("hq-x").write(actor) as batch:
        bead = batch.create(fields)
    done = run(gt_argv("sling", bead.id, target), cwd=root, env=environment(root, plugin), timeout_s=SLING_S, starts_servers=True)  # fmt: skip
    said = (done.err or done.out).strip()
    if done.code:
        with ledger.store_for("hq-x").write(actor) as batch:
            batch.close(bead.id, "no dog could take it", force=True)
    return Outcome(done.code == 0, f"{bead.id}: {said}", bead=bead.id)


def check_says(root: str, plugin: Plugin) -> bool:
    """Return whether the command of a ``condition`` gate ends with 0. Raises GastownError if it cannot be run."""
    return run(plugin.gate.check, cwd=_place(root, plugin), env=environment(root, plugin), timeout_s=CHECK_S).code == 0


def check_words(plugin: Plugin) -> str:
    """The command of its gate, as a person would type it."""
    return shlex.join(plugin.gate.check)
