"""Verification after the push: the gates of phase ``post-push`` run on what is on the target, beside the batches in flight.

It is a batch without requests, whose probes take gate places like any other.  What was pushed is noted until it is verified
(``pushed``).  Nothing is taken back unless ``merge_queue.revert`` says so, the gates are red twice, and green on the commit
before; meanwhile nothing else lands.  A revert is a commit on top with the trailer ``Withdraws``: from then on the request's
commit proves nothing.
"""

from __future__ import annotations

from gastown_core.events.log import append_event
from gastown_core.git.landed import WITHDRAWS, landed_requests
from gastown_core.messaging.escalation import escalate, settle
from gastown_core.model.refinery import BISECTING, FAIL, PASS, PUSHING, TESTING
from gastown_core.refinery.bisect import Ask
from gastown_core.refinery.fleet import Closed, Pushed
from gastown_core.refinery.freeze import frozen
from gastown_core.refinery.hold import INFRASTRUCTURE, lift, read_hold
from gastown_core.refinery.policy import POST_PUSH
from gastown_core.refinery.push import is_on, push_target
from gastown_core.refinery.pushed import is_verified, read_push, write_push
from gastown_core.refinery.span import span_of
from gastown_core.refinery.target_run import TargetRun
from gastown_core.refinery.tips import existing, remote_heads
from gastown_core.refinery.withdrawal import withdraw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from gastown_core.model.refinery import GateRun
    from gastown_core.refinery.fleet import Course, Step, Turn
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.prober import Verdict
    from gastown_core.refinery.pushed import PushNote
    from gastown_core.refinery.span import Span

    Search = Generator[Step, list[Verdict] | Turn | None, str]

GREEN, RED, TAKEN_BACK, NO_VERDICT = "green", "red", "taken back", "no verdict"
"""What a verification found, as its record says."""


class VerificationRun(TargetRun):
    """A run of the post-push gates on what was pushed: a batch without requests."""

    def examine(self) -> Course:
        """The post-push gates on the target; what is red is told to a person or taken back."""
        place, note = self.place, read_push(self.place, self.target)
        post_push = tuple(gate._replace(fix_cmd="") for gate in place.policy.gates if gate.phase == POST_PUSH)
        self.gates.policy = place.policy._replace(gates=post_push, lanes=())
        self.gates.is_after_push = True
        if note is None:
            return
        if note.revert:
            yield from self._finish(note)
            return
        tip = _tip(place, self.target)
        self.traffic.saw(tip)
        if not note.base:
            # the note was lost: what the tip brought is what can still be told apart
            note = note._replace(base=place.git.commit_of(f"{tip}^"), head=tip)
            write_push(place, note)
        if not existing(place.git, [note.base]) or note.base == tip or not self.gates.policy.gates:
            is_verified(place, note)
            return
        if not existing(place.git, [note.head]) or not is_on(place.git, note.head, tip):
            # it was noted and not pushed
            note = note._replace(head=tip)
            write_push(place, note)
        span = span_of(place.git, note.base, note.head)
        self.base = note.base
        self.prober.stacker = span
        self.result = self.result._replace(pushed=span.names, head=note.head)
        self.board.phase(TESTING, pushed=span.names, base=note.base)
        yield from self._judge(note, span)

    def _judge(self, note: PushNote, span: Span) -> Course:
        """Test the head, again if it is red, and act on what that says."""
        [first] = yield from self._ask([Ask(span.names, "pushed", fresh=True)])
        if first.result == PASS:
            self._is_green(note)
            return
        asks = [Ask(span.names, "again", fresh=True, parent=span.names)]
        may_revert = self.place.policy.revert and first.result == FAIL
        if may_revert:
            yield Closed()
            asks += [Ask((), "before", fresh=True, parent=span.names)] if self.judge.width() > 1 else []
        again, *beside = yield from self._ask(asks)
        if again.result == PASS:
            self._is_green(note)
            return
        red = again.gate
        if not first.result == again.result == FAIL or red is None:
            self._has_no_verdict(note, again if first.result == FAIL else first)
            return
        why = f"gate {red.name} is red on {self.target} at {note.head[:8]} after the push ({red.detail})"
        if not may_revert:
            self._is_red(note, red, f"{why}; nothing was taken back: merge_queue.revert is off")
            return
        [below] = beside or (yield from self._ask([Ask((), "before", fresh=True, parent=span.names)]))
        if below.result != PASS:
            self._is_red(note, red, f"{why}; nothing was taken back: it was red before, too")
            return
        culprit = yield from self._culprit(span)
        yield from self._take_back(note, culprit, red, why)

    def _ask(self, asks: list[Ask]) -> Generator[Step, list[Verdict] | Turn | None, list[Verdict]]:
        verdicts = yield asks
        assert isinstance(verdicts, list)
        self.place.check_stop()
        return verdicts

    def _culprit(self, span: Span) -> Search:
        """The first commit of the push with which the gates are red, by as many probes at once as there are places."""
        self.board.phase(BISECTING)
        low, high = 0, len(span.commits) - 1
        while high - low > 1:
            parts = min(self.judge.width(), high - low - 1) + 1
            points = sorted({low + (high - low) * part // parts for part in range(1, parts)} - {low, high})
            asks = [Ask(span.names[:one], "upto", fresh=True, parent=span.names) for one in points]
            for point, verdict in zip(points, (yield from self._ask(asks)), strict=True):
                if verdict.result == FAIL:
                    high = point
                    break
                low = point
        return span.commits[high].commit

    @property
    def says_something(self) -> bool:
        """Whether it came to an end, or failed."""
        return bool(self.result.found or self.result.hold)

    # -- what becomes of it ----------------------------------------------------------------------------------

    def _is_green(self, note: PushNote) -> None:
        place = self.place
        is_verified(place, note)
        self.result = self.result._replace(found=GREEN)
        hold = read_hold(place, note.target)
        if hold is not None and hold.kind == INFRASTRUCTURE:
            lift(place, note.target, f"the gates ran again, on {note.target} at {note.head[:8]}")
        settle(
            place.root,
            place.ledger,
            _key(place, note.target),
            "what was pushed is green",
            actor=place.actor,
            clock=place.clock,
        )

    def _has_no_verdict(self, note: PushNote, verdict: Verdict) -> None:
        gate = verdict.gate
        said = f"gate {gate.name} gave no verdict ({gate.detail})" if gate is not None else "the gates gave no verdict"
        self._tell(note, f"{said} on {note.target} at {note.head[:8]} after the push", gate, "was not verified")
        self.result = self.result._replace(found=NO_VERDICT)

    def _is_red(self, note: PushNote, red: GateRun, said: str) -> None:
        self._tell(note, said, red, "is red")
        self.result = self.result._replace(found=RED)

    def _tell(self, note: PushNote, said: str, gate: GateRun | None, what: str) -> None:
        """Tell a person; the push counts as verified, since nothing more is to be found out."""
        place, log = self.place, gate.log if gate is not None else ""
        payload = {"rig": place.rig, "target": note.target, "commit": note.head, "reason": said, "log": log}
        append_event(place.root, "push_red", place.actor, payload, clock=place.clock)
        escalate(
            place.root,
            place.ledger,
            "high",
            f"{note.target} of {place.rig} {what} after a push",
            sender=place.actor,
            reason=said,
            about=place.rig,
            key=_key(place, note.target),
            clock=place.clock,
        )
        is_verified(place, note)

    def _take_back(self, note: PushNote, culprit: str, red: GateRun, why: str) -> Course:
        """Push a commit that undoes the culprit; where that is not possible, tell a person."""
        place, git, target = self.place, self.place.git, note.target
        if frozen(place) is not None:
            # found again after the freeze
            return
        tip = _tip(place, target)
        named = [name for name, one in landed_requests(git, culprit, f"{culprit}^").items() if one.commit == culprit]
        tree = self._without(culprit, tip) if named and is_on(git, culprit, tip) else ""
        if not tree:
            self._is_red(note, red, f"{why}; {culprit[:8]} brought it and cannot be taken back: revert it by hand")
            return
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
        ready = note._replace(revert=head, request=named[0], why=f"{why}; log {red.log}")
        self.board.phase(PUSHING)
        write_push(place, ready)
        place.at("before revert")
        if not push_target(place, target, head, tip):
            # somebody was faster: verified again, on what is there then
            write_push(place, note)
            return
        place.at("after revert")
        git.run("update-ref", f"refs/remotes/origin/{target}", head)
        yield from self._finish(ready)

    def _without(self, culprit: str, tip: str) -> str:
        """The tree of ``tip`` without what the culprit changed, empty if others have changed the same places since."""
        with self.worktrees.open(tip) as tree:
            done = tree.attempt("revert", "--no-commit", culprit)
            return tree.run("write-tree") if done.code == 0 else ""

    def _finish(self, note: PushNote) -> Course:
        """Withdraw the request if its revert is on the target; else it is verified again."""
        place = self.place
        tip = _tip(place, note.target)
        if not existing(place.git, [note.revert]) or not is_on(place.git, note.revert, tip):
            write_push(place, note._replace(revert=""))
            return
        bead = withdraw(place, note.request, note.revert, note.why)
        place.at("withdrawn")
        # what is left of the push is verified with the next look
        write_push(place, note._replace(head=note.revert, revert="", request="", why=""))
        rework = (bead,) if bead else ()
        self.result = self.result._replace(found=TAKEN_BACK, pair=(note.request,), head=note.revert, rework=rework)
        yield Pushed(note.revert, is_early=True)


def _tip(place: Refinery, target: str) -> str:
    """The target's commit at the remote, fetched. Raises GitError."""
    tip = remote_heads(place.git).get(target, "")
    if tip not in existing(place.git, [tip]):
        place.git.run("fetch", "--quiet", "origin", f"+refs/heads/{target}:refs/remotes/origin/{target}")
    return tip


def _key(place: Refinery, target: str) -> str:
    return f"refinery-push:{place.rig}:{target}"
