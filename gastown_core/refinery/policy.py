"""What a rig's settings say about merging: its gates, how they run, how large a batch is and how long it waits.

Gates are ``merge_queue.gates``, or the single commands where none are set.  An incomplete gate is an error and never
skipped silently: untested code would be merged.
"""

from __future__ import annotations

import json
import os
import re

from gastown_core.clock import parse_duration
from gastown_core.errors import SettingsError
from gastown_core.model.merge_request import LEVEL_S
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256
from gastown_core.refinery.freeze_windows import read_window
from gastown_core.refinery.lanes import Lane
from gastown_core.town.settings import load_settings, settings_path
from gastown_core.town.settings_table import RIG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.refinery.freeze_windows import FreezeWindow
    from gastown_core.town.settings import Settings

FAST, PRE_MERGE, POST_SQUASH, POST_PUSH = "fast", "pre-merge", "post-squash", "post-push"
PHASES = (FAST, PRE_MERGE, POST_SQUASH)
"""The order in which gates run on a tree; those of a phase only if the earlier ones are green."""
GATE_KEYS = ("cmd", "timeout", "phase", "fix_cmd", "report", "paths", "needs", "places")
LANE_KEYS = ("paths", "needs")
LONGEST_PATH = 200
LONGEST_NAME = 80
"""Characters of the name of a gate, which names the file of its log, or of a lane."""
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
SINGLE = ("typecheck", "lint", "test", "build")
DEFAULT_TIMEOUT_S = 600.0
AGEING = "merge_queue.ageing"


class Gate(Record):
    """One command that must exit 0 on the stacked tree; ``fix_cmd`` may repair what it reports.

    ``report`` is the JUnit or TAP file that it writes, relative to the tree.  It runs where a change touches ``paths``
    (none: always), after the gates that it ``needs``, and ``places`` times at once in the rig (0: no limit).
    """

    name: str
    cmd: str
    timeout_s: float = DEFAULT_TIMEOUT_S
    phase: str = PRE_MERGE
    fix_cmd: str = ""
    report: str = ""
    paths: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    places: int = 0


class Policy(Record):
    """The rules of one rig's queue; ``warnings`` lists unknown settings and values that are ignored."""

    gates: tuple[Gate, ...] = ()
    lanes: tuple[Lane, ...] = ()
    setup: str = ""
    cache_paths: tuple[str, ...] = ()
    gates_parallel: bool = True
    log_bytes: int = 2_000_000
    max_batch_size: int = 20
    min_batch_size: int = 1
    batch_wait_s: float = 1.0
    retry_batch: bool = True
    reruns: int = 1
    max_concurrent: int = 1
    gate_slots: int = 0
    max_retry_count: int = 5
    stale_claim_s: float = 1800.0
    recheck_s: float = 600.0
    level_s: float = LEVEL_S
    delete_branches: bool = True
    auto_push: bool = True
    pull_requests: bool = False
    provider: str = "github"
    freeze: tuple[FreezeWindow, ...] = ()
    quarantine_s: float = 0.0
    needs_approval: bool = False
    also_push: tuple[str, ...] = ()
    revert: bool = False
    is_enabled: bool = True
    """Whether the daemon merges in the rig; by hand it is merged all the same."""
    warnings: tuple[str, ...] = ()
    error: str = ""
    """Why the settings cannot be used, and what to do: then nothing is merged, and this holds what can be used of them."""

    @property
    def rules(self) -> str:
        """A hash of all settings that decide whether something lands: if it changes, older holds no longer count."""
        return sha256(json.dumps([self.gates, self.setup, self.auto_push, self.pull_requests]).encode()).hex()[:12]

    @property
    def looks_at_paths(self) -> bool:
        """Whether it matters which files a request changes."""
        return bool(self.lanes) or any(gate.paths for gate in self.gates)

    @property
    def gate_set(self) -> str:
        """A hash of the commands that run: verdicts of another gate set do not count."""
        return self.set_of(self.gates)

    def set_of(self, gates: Sequence[Gate]) -> str:
        """The same for some of its gates only."""
        what = [self.setup, [(gate.name, gate.cmd, gate.phase) for gate in gates]]
        return sha256(json.dumps(what).encode()).hex()[:12]


def load_policy(root: str, rig: str) -> Policy:
    """The rig's rules. Raises SettingsError, which names the invalid gate."""
    settings = load_settings(root, "rig", rig)
    read = settings.lenient
    slots = load_settings(root, "town").lenient("merge_queue.gate_slots")
    return Policy(
        gates=_gates(settings),
        lanes=_lanes(settings),
        setup=_text(read("merge_queue.setup_command")) if read("merge_queue.run_tests") else "",
        cache_paths=_cache_paths(settings),
        gates_parallel=read("merge_queue.gates_parallel"),
        log_bytes=read("merge_queue.gate_log_bytes"),
        max_batch_size=read("merge_queue.batch.max_batch_size"),
        min_batch_size=read("merge_queue.batch.min_batch_size"),
        batch_wait_s=settings.seconds("merge_queue.batch.batch_wait_time"),
        retry_batch=read("merge_queue.batch.retry_batch_on_flaky"),
        reruns=max(1, read("merge_queue.retry_flaky_tests")),
        max_concurrent=read("merge_queue.max_concurrent") or slots or 1,
        gate_slots=slots,
        max_retry_count=read("merge_queue.max_retry_count"),
        stale_claim_s=settings.seconds("merge_queue.stale_claim_timeout"),
        recheck_s=settings.seconds("merge_queue.red_target_recheck"),
        level_s=settings.seconds(AGEING),
        delete_branches=read("merge_queue.delete_merged_branches"),
        auto_push=read("merge_queue.auto_push"),
        pull_requests=read("merge_queue.merge_strategy") == "pr",
        provider=read("merge_queue.vcs_provider"),
        freeze=_freeze(settings),
        needs_approval=read("merge_queue.needs_approval"),
        also_push=_also_push(settings),
        revert=read("merge_queue.revert"),
        quarantine_s=settings.seconds("merge_queue.quarantine_time"),
        is_enabled=read("merge_queue.enabled"),
        warnings=(*strange_keys(settings.value.get("merge_queue")), *_unusable(settings)),
    )


def level_of(root: str, rig: str) -> float:
    """How long a request of the rig waits to gain one level of urgency; the default if its settings cannot be read."""
    try:
        return load_settings(root, "rig", rig).seconds(AGEING)
    except SettingsError:
        return LEVEL_S


def of_hours(root: str, rig: str) -> Policy:
    """The rig's policy for whoever looks at the queue; ``error`` says why settings cannot be used, which the engine refuses.

    Of such settings only this counts: how requests age, and whether somebody has to approve.  While the daemon goes on with
    their last good version, that is a warning.
    """
    try:
        return load_policy(root, rig)
    except SettingsError as wrong:
        from gastown_core.town.daemon_note import counts_as_before

        error, warnings = in_words(wrong), tuple[str, ...]()
        if counts_as_before(root, settings_path(root, "rig", rig)):
            error, warnings = "", (f"{error}; the daemon goes on with the last good settings",)
    try:
        approval = load_settings(root, "rig", rig).lenient("merge_queue.needs_approval")
    except SettingsError:
        approval = False
    return Policy(level_s=level_of(root, rig), needs_approval=approval, warnings=warnings, error=error)


def in_words(error: SettingsError) -> str:
    """Why settings cannot be used, and what to do, in a sentence."""
    return f"{error}; {error.hint}" if error.hint else str(error)


def _gates(settings: Settings) -> tuple[Gate, ...]:
    if not settings.lenient("merge_queue.run_tests"):
        return ()
    queue = settings.value.get("merge_queue")
    named = queue.get("gates") if isinstance(queue, dict) else None
    if named is not None and not isinstance(named, dict):
        raise _wrong(settings, "merge_queue.gates", 'allowed: an object, {"unit": {"cmd": "pytest -q"}}')
    if named:
        gates = tuple(_gate(settings, str(name), value) for name, value in named.items())
        _check_needs(settings, gates)
        return gates
    singles = ((name, _text(settings.lenient(f"merge_queue.{name}_command"))) for name in SINGLE)
    return tuple(Gate(name, cmd) for name, cmd in singles if cmd)


def _gate(settings: Settings, name: str, value: object) -> Gate:
    key = f"merge_queue.gates.{name}"
    if isinstance(value, str):
        value = {"cmd": value}
    _check_name(settings, key, name)
    if not isinstance(value, dict):
        raise _wrong(settings, key, f"allowed: an object with {', '.join(GATE_KEYS)}")
    for strange in value:
        if strange not in GATE_KEYS:
            raise _wrong(settings, f"{key}.{strange}", f"a gate has {', '.join(GATE_KEYS)}{_near(strange, GATE_KEYS)}")
    if not _text(value.get("cmd")).strip():
        raise _wrong(settings, f"{key}.cmd", "a gate needs a command")
    timeout_s = parse_duration(value["timeout"]) if "timeout" in value else DEFAULT_TIMEOUT_S
    if not timeout_s:
        raise _wrong(settings, f"{key}.timeout", "allowed: a duration such as 90s, 10m")
    phase = value.get("phase", PRE_MERGE)
    if phase not in (*PHASES, POST_PUSH):
        raise _wrong(settings, f"{key}.phase", f"allowed: {', '.join((*PHASES, POST_PUSH))}")
    report = _text(value.get("report"))
    if report and not (report := _below(report)):
        raise _wrong(settings, f"{key}.report", "allowed: a file below the checkout, such as build/report.xml")
    places = value.get("places", 0)
    if not isinstance(places, int) or isinstance(places, bool) or places < 0:
        raise _wrong(settings, f"{key}.places", "allowed: a number, 0 for no limit")
    paths, needs = _paths(settings, key, value), _words(settings, f"{key}.needs", value.get("needs"))
    return Gate(name, _text(value["cmd"]), timeout_s, phase, _text(value.get("fix_cmd")), report, paths, needs, places)


def _check_needs(settings: Settings, gates: Sequence[Gate]) -> None:
    """Raise SettingsError if a gate needs one that does not run before it."""
    order, done = (*PHASES, POST_PUSH), set[str]()
    by_name = {gate.name: gate for gate in gates}
    for gate in gates:
        for need in gate.needs:
            key = f"merge_queue.gates.{gate.name}.needs: {need!r}"
            if need not in by_name:
                raise _wrong(settings, key, f"there is no gate {need}{_near(need, by_name)}")
            if order.index(by_name[need].phase) > order.index(gate.phase) or (gate.phase == POST_PUSH) != (
                by_name[need].phase == POST_PUSH
            ):
                raise _wrong(settings, key, f"{need} runs in another phase, {by_name[need].phase}")
    while more := {one.name for one in gates if one.name not in done and done.issuperset(one.needs)}:
        done |= more
    if len(done) < len(by_name):
        names = ", ".join(one for one in by_name if one not in done)
        raise _wrong(settings, "merge_queue.gates", f"these need one another in a circle: {names}")


def _check_name(settings: Settings, key: str, name: str) -> None:
    if len(name) > LONGEST_NAME:
        raise _wrong(settings, f"{key[: -len(name)]}{name[:20]}…", f"a name has at most {LONGEST_NAME} characters")
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name.startswith("."):
        raise _wrong(settings, key, "a name has letters, digits, - and _")


def _lanes(settings: Settings) -> tuple[Lane, ...]:
    """The rig's lanes. Raises SettingsError: a lane that is not understood would let things land untested."""
    queue = settings.value.get("merge_queue")
    named = queue.get("lanes") if isinstance(queue, dict) else None
    if named is not None and not isinstance(named, dict):
        raise _wrong(settings, "merge_queue.lanes", 'allowed: an object, {"web": {"paths": ["web/"]}}')
    found = []
    for name, value in (named or {}).items():
        key = f"merge_queue.lanes.{name}"
        _check_name(settings, key, name)
        value = {"paths": value} if isinstance(value, list) else value
        if not isinstance(value, dict):
            raise _wrong(settings, key, f"allowed: an object with {', '.join(LANE_KEYS)}")
        for strange in value:
            if strange not in LANE_KEYS:
                raise _wrong(settings, f"{key}.{strange}", f"a lane has {' and '.join(LANE_KEYS)}")
        lane = Lane(name, _paths(settings, key, value), _words(settings, f"{key}.needs", value.get("needs")))
        if not lane.paths:
            raise _wrong(settings, f"{key}.paths", "a lane needs paths")
        for need in lane.needs:
            if need not in (named or {}):
                raise _wrong(settings, f"{key}.needs: {need!r}", f"there is no lane {need}{_near(need, named or {})}")
        found.append(lane)
    return tuple(found)


def _paths(settings: Settings, key: str, value: Mapping[str, object]) -> tuple[str, ...]:
    found = _words(settings, f"{key}.paths", value.get("paths"))
    for path in found:
        if not path.strip("/") or ".." in path.split("/") or "\0" in path or len(path) > LONGEST_PATH:
            raise _wrong(settings, f"{key}.paths: {path[:60]!r}", "allowed: folders and files such as web/, **/*.md")
    return found


def _words(settings: Settings, key: str, value: object) -> tuple[str, ...]:
    if value is not None and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise _wrong(settings, key, 'allowed: a list of texts, ["web/"]')
    return tuple(dict.fromkeys(value or ()))


def _below(path: str) -> str:
    """The normalized path of something below a worktree, empty if it is not below."""
    plain = os.path.normpath(path)
    outside = os.path.isabs(path) or plain.split("/")[0] in ("..", ".", ".git") or "\0" in path
    return "" if outside else plain


def _cache_paths(settings: Settings) -> tuple[str, ...]:
    """Folders below a worktree, as normalized paths. Raises SettingsError."""
    found = []
    for path in settings.lenient("merge_queue.cache_paths") or ():
        plain = _below(path)
        if not plain:
            raise _wrong(settings, f"merge_queue.cache_paths: {path!r}", "allowed: folders below the checkout")
        found.append(plain)
    return tuple(dict.fromkeys(found))


def _also_push(settings: Settings) -> tuple[str, ...]:
    """Names of branches. Raises SettingsError."""
    found = []
    for name in settings.lenient("merge_queue.also_push") or ():
        if not _BRANCH.fullmatch(name) or ".." in name or "//" in name or name.endswith((".lock", "/", ".")):
            raise _wrong(settings, f"merge_queue.also_push: {name!r}", "allowed: names of branches, such as stable")
        found.append(name)
    return tuple(dict.fromkeys(found))


def _freeze(settings: Settings) -> tuple[FreezeWindow, ...]:
    """The hours in which nothing is merged. Raises SettingsError: a window that is not understood would not hold."""
    found = []
    for text in settings.lenient("merge_queue.freeze") or ():
        window = read_window(text)
        if window is None:
            raise _wrong(settings, f"merge_queue.freeze: {text!r}", "allowed: fri 16:00-mon 08:00, or 22:00-06:00")
        found.append(window)
    return tuple(found)


def _wrong(settings: Settings, key: str, why: str) -> SettingsError:
    return SettingsError(f"{key} in {settings.path} is wrong", why, "correct it; until then nothing is merged")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def strange_keys(value: object, above: str = "merge_queue") -> list[str]:
    """A sentence for each unknown key under ``merge_queue``, with the likely spelling."""
    known = [row.key for row in RIG if row.key.startswith("merge_queue.")]
    found: list[str] = []
    for key, inner in value.items() if isinstance(value, dict) else ():
        path = f"{above}.{key}"
        if path in ("merge_queue.gates", "merge_queue.lanes") or path in known:
            continue
        if any(row.startswith(path + ".") for row in known) and isinstance(inner, dict):
            found += strange_keys(inner, path)
        else:
            found.append(f"there is no setting {path}; it is kept and ignored{_near(path, known)}")
    return found


def _unusable(settings: Settings) -> list[str]:
    """A sentence for each value under ``merge_queue`` that is wrong and left out, so that the default counts."""
    found = [one for one in settings.problems() if one.startswith("merge_queue.")]
    return [f"{one}; what is there is ignored, and the default counts" for one in found]


def _near(word: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
