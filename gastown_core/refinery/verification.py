"""Verification after the push: the gates of phase ``post-push`` run on what is on the target; red can take back the culprit.

What was pushed is noted until it is verified, so a killed engine verifies it the next time.  Nothing is taken back unless
``merge_queue.revert`` says so, the gates are red twice, and green on the commit before.  A revert is a commit on top with the
trailer ``Withdraws``: from then on the request's commit proves nothing.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.git.landed import WITHDRAWS, landed_requests
from gastown_core.messaging.escalation import escalate, settle
from gastown_core.model.record import Record
from gastown_core.model.refinery import FAIL, PASS
from gastown_core.refinery.place import slug
from gastown_core.refinery.policy import POST_PUSH
from gastown_core.refinery.push import is_on, push_target
from gastown_core.refinery.rig_gates import Gates
from gastown_core.refinery.tips import existing, remote_heads
from gastown_core.refinery.withdrawal import withdraw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.refinery import GateRun
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.worktrees import Worktrees


class Pushed(Record):
    """What was pushed and is not verified yet: from ``base``, which was verified, to ``head``; ``revert`` is pushed next."""

    target: str
    base: str
    head: str
    revert: str = ""
    request: str = ""
    why: str = ""


def note_push(place: Refinery, target: str, base: str, head: str) -> None:
    """Note that the target is going from ``base`` to ``head``; with what is not verified yet it counts as one push."""
    if any(gate.phase == POST_PUSH for gate in place.policy.gates):
        before = read_push(place, target)
        write_json(_path(place, target), Pushed(target, before.base if before else base, head)._asdict(), mode=0o600)


def read_push(place: Refinery, target: str) -> Pushed | None:
    """What waits to be verified on a target, None if nothing does or its file cannot be read."""
    try:
        found = read_json(_path(place, target)) or {}
        made = Pushed(**{key: found[key] for key in Pushed._fields}) if found else None
    except (SettingsError, KeyError):
        return None
    return made if made is not None and all(isinstance(one, str) for one in made) else None


def unverified(place: Refinery) -> list[str]:
    """The targets on which something waits to be verified."""
    try:
        names = sorted(os.listdir(place.folder))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        if name.startswith("pushed-") and name.endswith(".json"):
            with contextlib.suppress(SettingsError):
                target = (read_json(os.path.join(place.folder, name)) or {}).get("target")
                found += [target] if isinstance(target, str) and read_push(place, target) is not None else []
    return found


def verify(place: Refinery, target: str, worktrees: Worktrees) -> tuple[str, ...]:
    """Verify what was pushed to a target; the beads whose work was taken back. The caller holds the target's lock.

    Raises GitError if the remote cannot be reached.
    """
    pushed = read_push(place, target)
    if pushed is None:
        return ()
    if pushed.revert:
        return _finish(place, pushed)
    tip = _tip(place, target)
    if not existing(place.git, [pushed.base]) or pushed.base == tip:
        _done(place, target)
        return ()
    if not existing(place.git, [pushed.head]) or not is_on(place.git, pushed.head, tip):
        # it was noted and not pushed
        pushed = pushed._replace(head=tip)
    check = _Check(place, worktrees, pushed)
    red = check.is_red_twice(pushed.head)
    if not red:
        if not place.stop():
            _done(place, target)
            settle(
                place.root,
                place.ledger,
                _key(place, target),
                "what was pushed is green",
                actor=place.actor,
                clock=place.clock,
            )
        return ()
    why = f"gate {red.name} is red on {target} at {pushed.head[:8]} after the push ({red.detail})"
    culprit = check.culprit() if place.policy.revert else ""
    if place.stop():
        return ()
    if not culprit:
        hint = "it was red before, too" if place.policy.revert else "merge_queue.revert is off"
        _report(place, pushed, red, f"{why}; nothing was taken back: {hint}")
        _done(place, target)
        return ()
    return _take_back(place, worktrees, pushed, culprit, red, why)


class _Check:
    """Runs the post-push gates on commits of one push."""

    def __init__(self, place: Refinery, worktrees: Worktrees, pushed: Pushed) -> None:
        gates = tuple(gate for gate in place.policy.gates if gate.phase == POST_PUSH)
        logs = place.file(f"pushed-{slug(pushed.target)}")
        policy = place.policy._replace(gates=gates)
        self.gates = Gates(policy, logs, place.relative, place.stop, place.clock.now)
        self.place, self.worktrees, self.pushed = place, worktrees, pushed

    def run(self, commit: str) -> tuple[str, GateRun | None]:
        """The result on a commit, and the gate that decided."""
        with self.worktrees.open(commit) as tree:
            found = self.gates.run(tree, tree.run("rev-parse", "HEAD^{tree}"), lambda run: None)
        return found.result, found.worst

    def is_red_twice(self, commit: str) -> GateRun | None:
        """The red gate, None if a run is green or gives no verdict."""
        worst = None
        for _ in range(2):
            result, worst = self.run(commit)
            if result != FAIL:
                return None
        return worst

    def culprit(self) -> str:
        """The first commit of the push with which the gates are red; empty if they are red before it."""
        if self.run(self.pushed.base)[0] != PASS:
            return ""
        span = f"{self.pushed.base}..{self.pushed.head}"
        commits = self.place.git.run("rev-list", "--first-parent", "--reverse", span).split()
        low, high = -1, len(commits) - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.run(commits[middle])[0] == FAIL else (middle, high)
        return commits[high] if commits else ""


def _take_back(
    place: Refinery, worktrees: Worktrees, pushed: Pushed, culprit: str, red: GateRun, why: str
) -> tuple[str, ...]:
    """Push a commit that undoes the culprit; where that is not possible, tell a person."""
    git, target = place.git, pushed.target
    tip = _tip(place, target)
    named = [name for name, one in landed_requests(git, culprit, f"{culprit}^").items() if one.commit == culprit]
    tree = _without(worktrees, culprit, tip) if named and is_on(git, culprit, tip) else ""
    if not tree:
        _report(place, pushed, red, f"{why}; {culprit[:8]} brought it and cannot be taken back: revert it by hand")
        _done(place, target)
        return ()
    subject = git.run("log", "-1", "--format=%s", culprit)
    lines = [
        f'Revert "{subject}"',
        "",
        f"{why}.",
        f"This undoes {culprit}.",
        "",
        *(f"{WITHDRAWS}: {name}" for name in named),
    ]
    head = git.run("commit-tree", tree, "-p", tip, "-F", "-", stdin=("\n".join(lines) + "\n").encode())
    ready = pushed._replace(revert=head, request=named[0], why=f"{why}; log {red.log}")
    write_json(_path(place, target), ready._asdict(), mode=0o600)
    place.at("before revert")
    if not push_target(place, target, head, tip):
        # somebody was faster: verified again, on what is there then
        write_json(_path(place, target), pushed._asdict(), mode=0o600)
        return ()
    place.at("after revert")
    git.run("update-ref", f"refs/remotes/origin/{target}", head)
    return _finish(place, ready)


def _without(worktrees: Worktrees, culprit: str, tip: str) -> str:
    """The tree of ``tip`` without what the culprit changed, empty if others have changed the same places since."""
    with worktrees.open(tip) as tree:
        done = tree.attempt("revert", "--no-commit", culprit)
        return tree.run("write-tree") if done.code == 0 else ""


def _tip(place: Refinery, target: str) -> str:
    """The target's commit at the remote, fetched. Raises GitError."""
    tip = remote_heads(place.git).get(target, "")
    if tip not in existing(place.git, [tip]):
        place.git.run("fetch", "--quiet", "origin", f"+refs/heads/{target}:refs/remotes/origin/{target}")
    return tip


def _finish(place: Refinery, pushed: Pushed) -> tuple[str, ...]:
    """Withdraw the request if its revert is on the target; else it is verified again."""
    tip = _tip(place, pushed.target)
    if not existing(place.git, [pushed.revert]) or not is_on(place.git, pushed.revert, tip):
        write_json(_path(place, pushed.target), pushed._replace(revert="")._asdict(), mode=0o600)
        return ()
    bead = withdraw(place, pushed.request, pushed.revert, pushed.why)
    place.at("withdrawn")
    # what is left of the push is verified with the next look
    write_json(_path(place, pushed.target), Pushed(pushed.target, pushed.base, pushed.revert)._asdict(), mode=0o600)
    return (bead,) if bead else ()


def _report(place: Refinery, pushed: Pushed, red: GateRun, said: str) -> None:
    payload = {"rig": place.rig, "target": pushed.target, "commit": pushed.head, "reason": said, "log": red.log}
    append_event(place.root, "push_red", place.actor, payload, clock=place.clock)
    escalate(
        place.root,
        place.ledger,
        "high",
        f"{pushed.target} of {place.rig} is red after a push",
        sender=place.actor,
        reason=said,
        about=place.rig,
        key=_key(place, pushed.target),
        clock=place.clock,
    )


def _done(place: Refinery, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, target))


def _key(place: Refinery, target: str) -> str:
    return f"refinery-push:{place.rig}:{target}"


def _path(place: Refinery, target: str) -> str:
    return place.file(f"pushed-{slug(target)}.json")
