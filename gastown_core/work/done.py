"""Done: a worker hands its work in.

saved → pushed → queued → in review, one receipt each.  Every stage looks first whether it was reached before, so
after a failure or a crash the same command goes on where it stopped, and a second run changes nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, GitError, NotFoundError, TownError, UsageError
from gastown_core.events.log import append_event
from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.model.address import CREW, POLECAT
from gastown_core.model.bead import CLOSED, HOOKED, IN_REVIEW, Bead
from gastown_core.model.order import Receipt
from gastown_core.runtimes.heartbeat import write_heartbeat
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.identity import rig_prefix, signature
from gastown_core.town.branches import bead_of_branch
from gastown_core.town.rigs import default_branch
from gastown_core.town.settings import load_settings
from gastown_core.work import convoys, hook, merge_requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry

COMPLETED, ESCALATED, DEFERRED = "COMPLETED", "ESCALATED", "DEFERRED"
STATUSES = (COMPLETED, ESCALATED, DEFERRED)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What ``gt done`` came to; ``commit`` and ``request`` stay empty where nothing was pushed."""

    status: str
    issue: str = ""
    branch: str = ""
    commit: str = ""
    request: str = ""
    target: str = ""
    pushed: bool = False
    saved: bool = False
    repeated: bool = False

    def as_json(self) -> dict[str, object]:
        """The outcome as ``gt done --json`` prints it."""
        return {
            "status": self.status,
            "issue": self.issue,
            "branch": self.branch,
            "commit": self.commit,
            "mr": self.request,
            "target": self.target,
            "pushed": self.pushed,
            "saved": self.saved,
            "strategy": "mr",
        }


class Done:
    """One hand-in by the agent ``entry``; ``run`` yields the receipts, ``result`` then holds the outcome."""

    def __init__(
        self,
        root: str,
        entry: RosterEntry,
        *,
        status: str = COMPLETED,
        issue: str = "",
        message: str = "",
        target: str = "",
        no_changes: bool = False,
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
        self.no_changes = no_changes
        self.clock = clock
        self.ledger: TownLedger = TownLedger(root)
        self.prefix = rig_prefix(root, entry.address.rig)
        self.default = default_branch(root, entry.address.rig)
        self.branch_into = target
        self.result = HandedIn(status, issue)
        domain = load_settings(root).lenient("agent_email_domain")
        self.git = Git(entry.work_dir, identity=signature(entry.address, domain))

    def run(self) -> Iterator[Receipt]:
        """Do it; the last receipt is ``final``. Raises GastownError; what was reached stays, and a repeat goes on."""
        if not os.path.exists(os.path.join(self.entry.work_dir, ".git")):
            raise TownError(f"{self.actor} has no worktree", f"{self.entry.work_dir} is missing")
        branch = self.git.branch()
        self.result = replace(self.result, branch=branch)
        bead = self._bead(branch)
        self.result = replace(self.result, issue=bead.id)
        self.branch_into = self.branch_into or hook.dispatch_of(bead).get("base", "") or self.default
        write_heartbeat(self.root, self.entry.session, "exiting", context="handing in", bead=bead.id, clock=self.clock)
        saved = self._save(bead)
        self.result = replace(self.result, saved=saved)
        yield self._receipt("saved", "uncommitted work became a commit" if saved else "nothing was left uncommitted")
        if self.result.status != COMPLETED:
            yield self._pause(bead)
            return
        if self.no_changes and not self._ahead():
            yield self._close_unchanged(bead)
            return
        commit = self._push(branch)
        yield self._receipt("pushed", f"{branch} at {commit[:8]}")
        yield self._receipt("queued", self._queue(bead, branch, commit))
        self._finish("done", exit_type=COMPLETED, active_mr=self.result.request, branch=branch)
        yield self._receipt("in review", f"{bead.id} is in review as {self.result.request}", final=True)

    def _bead(self, branch: str) -> Bead:
        """The work at hand: as named, from the hook, or the one the branch was made for."""
        named = self.result.issue
        if not named:
            held = hook.hooked_work(self.ledger, self.entry.address, self.prefix)
            named = held[0].id if held else bead_of_branch(branch)
        bead = self.ledger.get(named) if named else None
        if bead is None:
            why = f"no bead {named}" if named else "nothing is on the hook, and the branch names no bead"
            raise NotFoundError("there is nothing to hand in", why, "gt done --issue ID names the work")
        return bead

    def _save(self, bead: Bead) -> bool:
        """Commit what lies around: changes and new files, never deletions (a crash must not spread them)."""
        self.git.run("add", "--ignore-removal", "--", ".")
        if self.git.attempt("diff", "--cached", "--quiet").code == 0:
            return False
        text = self.message or f"{bead.id}: work in progress, saved by gt done"
        self.git.run("commit", "--quiet", "--no-verify", "-m", text)
        return True

    def _ahead(self) -> int:
        return worktree.count_ahead(self.git, f"origin/{self.branch_into}")

    def _push(self, branch: str) -> str:
        """Push the branch and see it arrive; returns the commit."""
        if not branch or branch in (self.branch_into, self.default):
            raise ConflictError(
                f"work is handed in from a branch of its own, not from {branch or 'a detached commit'}",
                "",
                "git switch -c NAME keeps the commits",
            )
        commit = self.git.commit_of("HEAD")
        if not self._ahead():
            raise ConflictError(
                f"{branch} has no commit that {self.branch_into} lacks",
                "there is nothing to merge",
                "gt done --no-changes closes the bead without one; gt done --status DEFERRED keeps it",
            )
        self.git.run("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", timeout_s=120.0)
        there = self.git.run("ls-remote", "origin", f"refs/heads/{branch}").split()
        if not there or there[0] != commit:
            raise GitError(
                f"{branch} did not arrive at origin", f"it has {there[0][:8] if there else 'no such branch'}"
            )
        self.result = replace(self.result, commit=commit, pushed=True, target=self.branch_into)
        return commit

    def _queue(self, bead: Bead, branch: str, commit: str) -> str:
        """The merge request, and the bead in review, in one write; returns what to tell."""
        store = self.ledger.store_for(f"{self.prefix}-x")
        known = merge_requests.requests_for(store, bead.id)
        fields = {
            "branch": branch,
            "target": self.branch_into,
            "source_issue": bead.id,
            "worker": self.entry.address.name,
            "rig": self.entry.address.rig,
            "commit_sha": commit,
            "agent_bead": self.entry.bead_id,
            "convoy_id": next((convoy.id for convoy in convoys.tracking(self.ledger, bead.id)), ""),
        }
        with store.write(self.actor) as batch:
            request, is_new = merge_requests.submit(batch, known, bead, fields)
        home = self.ledger.home_of(bead.id) or store
        current = home.get(bead.id) or bead
        moved = current.status not in (IN_REVIEW, CLOSED)
        with home.write(self.actor) as batch:
            if moved:
                batch.update(bead.id, {"status": IN_REVIEW, "assignee": self.actor})
            if is_new:
                batch.comment(bead.id, f"handed in as {request}: {branch} at {commit[:12]}")
        self.result = replace(self.result, request=request, repeated=not is_new and not moved)
        if moved:
            append_event(self.root, "done", self.actor, {"bead": bead.id, "branch": branch}, clock=self.clock)
        if is_new:
            told = {"mr": request, "worker": self.entry.address.name, "branch": branch, "bead": bead.id}
            append_event(self.root, "mr_queued", self.actor, told, clock=self.clock)
        return f"{request} for {self.branch_into}" if is_new else f"{request} waits already"

    def _pause(self, bead: Bead) -> Receipt:
        """Stop without handing in: deferred work stays hooked, escalated work asks for help."""
        status = self.result.status
        self.result = replace(self.result, commit=self.git.commit_of("HEAD"))
        with (self.ledger.home_of(bead.id) or self.ledger.store_for(bead.id)).write(self.actor) as batch:
            batch.update(bead.id, {"status": HOOKED, "assignee": self.actor})
            batch.comment(bead.id, f"{status.lower()}" + (f": {self.message}" if self.message else ""))
        payload = {"bead": bead.id, "branch": self.result.branch, "exit": status}
        append_event(self.root, "done", self.actor, payload, clock=self.clock)
        self._finish("stuck" if status == ESCALATED else "idle", exit_type=status, keep_hook=bead.id)
        said = "asks for help" if status == ESCALATED else "rests"
        return self._receipt(status.lower(), f"{bead.id} stays on the hook, the worker {said}", final=True)

    def _close_unchanged(self, bead: Bead) -> Receipt:
        with (self.ledger.home_of(bead.id) or self.ledger.store_for(bead.id)).write(self.actor) as batch:
            batch.close(bead.id, "no code changes")
        payload = {"bead": bead.id, "branch": "", "exit": COMPLETED}
        append_event(self.root, "done", self.actor, payload, clock=self.clock)
        self._finish("done", exit_type=COMPLETED)
        return self._receipt("closed", f"{bead.id} closed without a change", final=True)

    def _finish(
        self, state: str, *, exit_type: str, keep_hook: str = "", active_mr: str = "", branch: str = ""
    ) -> None:
        """The agent's own record and heartbeat."""
        agent_state = "idle" if state == "done" else state
        put_agent_bead(
            self.ledger,
            self.entry.address,
            self.prefix,
            actor=self.actor,
            agent_state=agent_state,
            hook_bead=keep_hook,
            cleanup_status="clean" if state == "done" else "has_unpushed",
            active_mr=active_mr,
            exit_type=exit_type,
            mr_id=active_mr,
            branch=branch or self.result.branch,
            completion_time=format_seconds(self.clock.now()) if state == "done" else "",
            hook_state="completed" if state == "done" else "suspended",
        )
        beat = "stuck" if state == "stuck" else "idle"
        write_heartbeat(self.root, self.entry.session, beat, context=self.message, clock=self.clock)

    def _receipt(self, stage: str, detail: str = "", *, final: bool = False) -> Receipt:
        return Receipt("done", self.result.issue, stage, detail, final=final, at=self.clock.now())
