"""Done: a worker hands its work in.

saved → pushed → queued → in review, one receipt each.  Progress is read from facts (the commit at origin, the request
in the ledger, the bead's status, the worker's record), so after a failure or a kill the same command continues where it
stopped, and a second run changes nothing.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError, TownError, UsageError
from gastown_core.git import checkpoints, worktree
from gastown_core.git.repo import Git
from gastown_core.messaging.mail import send_mail
from gastown_core.model.address import CREW, POLECAT, parse_address
from gastown_core.model.bead import CLOSED, HOOKED, IN_REVIEW
from gastown_core.model.metadata import read_dispatch
from gastown_core.model.order import Receipt
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.runtimes.heartbeat import write_heartbeat
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.branches import bead_of_branch
from gastown_core.town.identity import rig_prefix, signature
from gastown_core.town.rigs import default_branch
from gastown_core.town.settings import load_settings
from gastown_core.work import merge_requests
from gastown_core.work.done.assign import after_close
from gastown_core.work.done.checks import (
    Terms,
    check_branch,
    check_criteria,
    check_holder,
    check_submodules,
    look_at_distance,
    open_criteria,
    terms_of,
)
from gastown_core.work.done.handing_in import (
    Submission,
    announce_done,
    announce_request,
    finish_molecule,
    put_in_review,
    record_end,
)
from gastown_core.work.done.push import push_branch
from gastown_core.work.hook import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry

COMPLETED, ESCALATED, DEFERRED = "COMPLETED", "ESCALATED", "DEFERRED"
STATUSES = (COMPLETED, ESCALATED, DEFERRED)


class HandedIn(Record):
    """The result of ``gt done``; ``commit`` and ``request`` are empty if nothing was pushed."""

    status: str
    issue: str = ""
    branch: str = ""
    commit: str = ""
    request: str = ""
    target: str = ""
    strategy: str = "mr"
    pushed: bool = False
    saved: bool = False
    repeated: bool = False
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The outcome as ``gt done --json`` prints it."""
        out = {**self._asdict(), "mr": self.request, "warnings": list(self.warnings)}
        del out["request"]
        return out


class Done:
    """One hand-in by the agent ``entry``; ``run`` yields the receipts, then ``result`` has the outcome."""

    def __init__(
        self,
        root: str,
        entry: RosterEntry,
        *,
        status: str = COMPLETED,
        issue: str = "",
        message: str = "",
        target: str = "",
        priority: int | None = None,
        no_changes: bool = False,
        is_clean: bool = False,
        pre_verified: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        from gastown_core.beads.ledger import TownLedger

        if status not in STATUSES:
            raise UsageError(f"{status} is no status of done", "", f"one of {', '.join(STATUSES)}")
        if entry.address.role not in (POLECAT, CREW):
            raise UsageError(f"{entry.address.path} has no branch to hand in", "gt done is for polecats and crew")
        self.root = root
        self.entry = entry
        self.actor = entry.address.path
        self.message = message
        self.target = target
        self.priority = priority
        self.no_changes = no_changes
        # an older tool's flag for a clean worktree, which says nothing about commits
        self.may_be_unchanged = no_changes or is_clean
        self.pre_verified = pre_verified
        self.clock = clock
        self.ledger: TownLedger = TownLedger(root)
        self.prefix = rig_prefix(root, entry.address.rig)
        self.default = default_branch(root, entry.address.rig)
        self.result = HandedIn(status, issue)
        domain = load_settings(root).lenient("agent_email_domain")
        self.git = Git(entry.work_dir, identity=signature(entry.address, domain))

    def run(self) -> Iterator[Receipt]:
        """Hand in; the last receipt is ``final``. Raises GastownError; what was reached stays; a repeat continues."""
        if not os.path.exists(os.path.join(self.entry.work_dir, ".git")):
            raise TownError(f"{self.actor} has no worktree", f"{self.entry.work_dir} is missing")
        branch = self.git.branch()
        bead = self._bead(branch)
        check_holder(bead, self.entry.address)
        terms = terms_of(self.ledger, bead, self.target, self.default)
        self.result = self.result._replace(branch=branch, issue=bead.id, target=terms.target, strategy=terms.strategy)
        if self.result.status == COMPLETED:
            # refuse before anything is committed
            self._check_finished()
            check_branch(self.git, branch, terms.target, self.default)
            if self.no_changes:
                self._check_unchanged(branch, terms)
        write_heartbeat(self.root, self.entry.session, "exiting", context="handing in", bead=bead.id, clock=self.clock)
        saved = self._save(bead)
        self.result = self.result._replace(saved=saved)
        yield self._receipt("saved", "uncommitted work became a commit" if saved else "nothing was left uncommitted")
        if self.result.status != COMPLETED:
            yield self._pause(bead)
            return
        yield from self._complete(bead, branch, terms)

    def _bead(self, branch: str) -> Bead:
        """Return the work: as named, on the hook, or by the branch or the worker's record."""
        named = self.result.issue
        if not named:
            held = hook.hooked_work(self.ledger, self.entry.address, self.prefix)
            named = held[0].id if held else bead_of_branch(branch) or self._last_hook()
        bead = self.ledger.get(named) if named else None
        if bead is None:
            why = f"no bead {named}" if named else "nothing is on the hook, and the branch names no bead"
            raise NotFoundError("there is nothing to hand in", why, "gt done --issue ID names the work")
        return bead

    def _last_hook(self) -> str:
        record = get_agent_bead(self.ledger, self.entry.bead_id)
        return record.fields.get("hook_bead", "") if record is not None else ""

    def _check_finished(self) -> None:
        """Refuse in the middle of a merge or rebase. Raises ConflictError."""
        what, how = worktree.unfinished(self.git)
        if what:
            raise ConflictError(
                f"the worktree is in the middle of {what}", "nothing was handed in", f"{how}; then gt done"
            )

    def _check_unchanged(self, branch: str, terms: Terms) -> None:
        """Refuse ``--no-changes`` if there are changes. Raises ConflictError."""
        worktree.exclude(self.git)
        tree = worktree.status(self.git)
        files = len(tree.changed) + len(tree.untracked)
        ahead, _ = look_at_distance(self.git, terms.target)
        if ahead and worktree.changes_nothing(self.git, f"origin/{terms.target}"):
            ahead = 0
        if not ahead and not files:
            return
        has = [f"{ahead} commit{'s' if ahead != 1 else ''} that {terms.target} lacks"] if ahead else []
        has += [f"{files} uncommitted file{'s' if files != 1 else ''}"] if files else []
        raise ConflictError(
            f"{branch} has {' and '.join(has)}, so --no-changes cannot be",
            "nothing was handed in or closed",
            f"gt done hands them in; to drop them, git stash -u and git reset --hard origin/{terms.target}, "
            "then gt done --no-changes",
        )

    def _save(self, bead: Bead) -> bool:
        """Commit changes and new files, but never deletions (a crash must not spread them).

        In the middle of a merge nothing is committed; a warning says so.
        """
        what, _how = worktree.unfinished(self.git)
        if what:
            self._warn(f"the worktree is in the middle of {what}, which stays as it is")
            return False
        worktree.exclude(self.git)
        for inner in worktree.add_everything(self.git, "--ignore-removal"):
            self._warn(f"{inner} is a repository of its own and is not handed in")
        if self.git.attempt("diff", "--cached", "--quiet").code == 0:
            return False
        text = self.message or f"{bead.id}: work in progress, saved by gt done"
        done = self.git.attempt("commit", "--quiet", "--no-verify", "-m", text)
        if done.code:
            why = (done.err or done.out).strip()
            # a signing key that nobody can unlock must not keep the work here
            self.git.run("commit", "--quiet", "--no-verify", "--no-gpg-sign", "-m", text)
            self._warn(f"the saving commit is not signed: {why}")
        return True

    # -- completed ---------------------------------------------------------------------------------------------

    def _complete(self, bead: Bead, branch: str, terms: Terms) -> Iterator[Receipt]:
        ahead, warning = look_at_distance(self.git, terms.target)
        self._warn(warning)
        if not ahead or (worktree.changes_nothing(self.git, f"origin/{terms.target}") and not bead.is_closed):
            yield self._close_unchanged(bead, branch, terms, ahead)
            return
        self._warn(*check_submodules(self.git))
        unmet = open_criteria(bead)
        self._warn(f"{len(unmet)} acceptance criteria are not ticked, first: {unmet[0][:80]}" if unmet else "")
        if terms.stays_here:
            self.result = self.result._replace(commit=self.git.commit_of("HEAD"))
            yield self._close(bead, f"done on {branch}, kept local", "closed; the work stays here")
            return
        commit, was_needed = push_branch(self.git, branch, self.entry.address.name, self.clock.now())
        self.result = self.result._replace(commit=commit, pushed=True)
        yield self._receipt("pushed", f"{branch} at {commit[:8]}{'' if was_needed else ', as before'}")
        if terms.wants_request:
            merge_requests.keep_commit(self.root, self.entry.address.rig, branch, commit)
            yield from self._queue(bead, branch, commit, terms)
        else:
            yield self._ask_review(bead, branch, commit)

    def _queue(self, bead: Bead, branch: str, commit: str, terms: Terms) -> Iterator[Receipt]:
        submission = Submission(
            bead,
            self.entry,
            self.prefix,
            branch,
            commit,
            terms,
            self.priority,
            self.pre_verified,
            self.clock.now(),
            message="" if self.result.saved else self.message,
        )
        made = put_in_review(self.ledger, submission)
        self.result = self.result._replace(request=made.id)
        if made.is_over:
            yield self._receipt("queued", f"{made.id} was merged already", final=True)
            self.result = self.result._replace(repeated=True)
            return
        words = f"{made.id} for {terms.target}" if made.is_new else f"{made.id} waits already"
        yield self._receipt("queued", words)
        fresh = announce_request(self.root, self.ledger, submission, made, self.clock)
        self._finish(AgentState.IDLE, exit_type=COMPLETED, active_mr=made.id, bead=bead.id)
        self.result = self.result._replace(repeated=not made.is_new and not fresh)
        yield self._receipt("in review", f"{bead.id} is in review as {made.id}", final=True)

    def _ask_review(self, bead: Bead, branch: str, commit: str) -> Receipt:
        """Ask for a review of work that the town does not merge: mail the sender of the sling."""
        store = self.ledger.home_of(bead.id) or self.ledger.store_for(bead.id)
        with store.write(self.actor) as batch:
            now = batch.get(bead.id) or bead
            moved = now.status not in (IN_REVIEW, CLOSED)
            if moved:
                self._keep_message(batch, bead)
                batch.update(bead.id, {"status": IN_REVIEW, "assignee": self.actor})
                batch.comment(bead.id, f"ready for review: {branch} at {commit[:12]}")
        self.result = self.result._replace(repeated=not moved)
        if moved:
            sender = parse_address(read_dispatch(bead).by or "overseer")
            body = (
                f"Bead: {bead.id}\nBranch: {branch}\nCommit: {commit}\nWorker: {self.actor}\n\n{self.message}".strip()
            )
            subject = f"READY_FOR_REVIEW {bead.id}: {bead.title}"
            to = sender.mail if sender.is_agent else "overseer"
            send_mail(self.root, self.ledger, to, subject, body, sender=self.actor, clock=self.clock)
            announce_done(self.root, self.ledger, self.entry, bead.id, branch, COMPLETED, self.clock)
        self._finish(AgentState.IDLE, exit_type=COMPLETED, bead=bead.id)
        return self._receipt("in review", f"{branch} is ready for review, nothing merges it", final=True)

    def _close_unchanged(self, bead: Bead, branch: str, terms: Terms, ahead: int) -> Receipt:
        if not (self.may_be_unchanged or terms.no_merge or terms.review_only or bead.is_closed):
            has = (
                f"the commits of {branch} change nothing"
                if ahead
                else f"{branch} has no commit that {terms.target} lacks"
            )
            raise ConflictError(
                has,
                "there is nothing to merge",
                "gt done --no-changes closes the bead without one; gt done --status DEFERRED keeps it",
            )
        check_criteria(bead)
        reason = "reviewed" if terms.review_only else "no code changes"
        return self._close(bead, reason, "closed without a change")

    def _close(self, bead: Bead, reason: str, words: str) -> Receipt:
        store = self.ledger.home_of(bead.id) or self.ledger.store_for(bead.id)
        with store.write(self.actor) as batch:
            now = batch.get(bead.id) or bead
            if not now.is_closed:
                finish_molecule(batch, bead)
                self._keep_message(batch, bead)
                batch.close(bead.id, reason, force=True)
        self.result = self.result._replace(repeated=now.is_closed)
        if not now.is_closed:
            after_close(self.root, self.ledger, [bead.id], actor=self.actor, clock=self.clock)
            announce_done(self.root, self.ledger, self.entry, bead.id, "", COMPLETED, self.clock)
        self._finish(AgentState.IDLE, exit_type=COMPLETED, bead=bead.id)
        return self._receipt("closed", f"{bead.id} {words}", final=True)

    def _keep_message(self, batch: RuleBatch, bead: Bead) -> None:
        """Add the worker's message as a comment, unless the saving commit has it."""
        if self.message and not self.result.saved:
            batch.comment(bead.id, self.message)

    # -- not completed -------------------------------------------------------------------------------------------

    def _pause(self, bead: Bead) -> Receipt:
        """Stop without handing in: deferred work stays hooked, escalated work asks for help."""
        status = self.result.status
        self.result = self.result._replace(commit=self.git.commit_of("HEAD"))
        if status == ESCALATED:
            # told first: an end in between may tell it twice, never nobody
            self._ask_help(bead)
        with (self.ledger.home_of(bead.id) or self.ledger.store_for(bead.id)).write(self.actor) as batch:
            batch.update(bead.id, {"status": HOOKED, "assignee": self.actor})
            batch.comment(bead.id, f"{status.lower()}" + (f": {self.message}" if self.message else ""))
        announce_done(self.root, self.ledger, self.entry, bead.id, self.result.branch, status, self.clock)
        self._finish(
            AgentState.STUCK if status == ESCALATED else AgentState.IDLE, exit_type=status, bead=bead.id, keeps=True
        )
        said = "asks for help" if status == ESCALATED else "rests"
        return self._receipt(status.lower(), f"{bead.id} stays on the hook, the worker {said}", final=True)

    def _ask_help(self, bead: Bead) -> None:
        from gastown_core.messaging.escalation import escalate

        escalate(
            self.root,
            self.ledger,
            "medium",
            f"{self.entry.address.short} is stuck on {bead.id}: {bead.title}",
            sender=self.actor,
            reason=self.message or "no reason was given",
            about=bead.id,
            key=f"stuck:{bead.id}",
            clock=self.clock,
        )

    # -- the end -------------------------------------------------------------------------------------------------

    def _finish(self, state: str, *, exit_type: str, bead: str, active_mr: str = "", keeps: bool = False) -> None:
        """Save a checkpoint of the worktree, the agent's record, and its heartbeat."""
        why = "done: handed in" if not keeps else f"done: {exit_type.lower()}"
        checkpoints.save(self.git, self.entry.address.name, why, self.clock.now())
        record_end(
            self.root,
            self.ledger,
            self.entry,
            self.prefix,
            self.git,
            state=state,
            exit_type=exit_type,
            bead=bead,
            keeps=keeps,
            active_mr=active_mr,
            branch=self.result.branch,
            clock=self.clock,
        )
        beat = "stuck" if state == AgentState.STUCK else "idle"
        write_heartbeat(self.root, self.entry.session, beat, context=self.message, clock=self.clock)

    def _warn(self, *warnings: str) -> None:
        told = tuple(word for word in warnings if word and word not in self.result.warnings)
        self.result = self.result._replace(warnings=(*self.result.warnings, *told))

    def _receipt(self, stage: str, detail: str = "", *, final: bool = False) -> Receipt:
        return Receipt("done", self.result.issue, stage, detail, final=final, at=self.clock.now())
