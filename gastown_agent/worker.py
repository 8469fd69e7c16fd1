"""Hooked work, step by step, with the troubles of its mood.

``advance`` does one step and returns the seconds until the next (None: wait for input); a submitted text or an answer
resumes work. The worker draws nothing: it passes lines to ``say`` and questions to ``ask``.
"""

from __future__ import annotations

from gastown_agent.faults import add_fault
from gastown_agent.mood import (
    BREAKS,
    CRASH,
    LIMITED,
    PERMISSION,
    SILENT,
    SLIPS,
    SLOW,
    SLOW_FACTOR,
    STUCK,
    TROUBLE_STEP,
    mood_of,
)
from gastown_agent.plan import do_step, is_worktree, plan_for
from gastown_agent.session import local_minute
from gastown_agent.town_commands import hand_in, read_hook
from gastown_agent.walk import WORK_STEP, Walk, walk_of
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_agent.plan import Plan
    from gastown_agent.session import Session
    from gastown_agent.town_commands import Assignment

PERMISSION_ASKED = "Allow Bash(npm install left-pad)?"
CRASH_STATUS = 70
LOOK_FACTOR = 4.0
"""Number of steps without edits that take as long as one step with an edit."""


class CrashError(Exception):
    """Raised to crash the program in mid-work, as its mood demands."""


class Worker:
    """One agent's work; ``busy`` is the current activity, or "" when idle."""

    def __init__(self, session: Session, say: Callable[[str], None], ask: Callable[[str, Sequence[str]], None]) -> None:
        self.session = session
        self.busy = ""
        self.resume_at = 0.0
        self._say = say
        self._ask = ask
        self._plan: Plan | None = None
        self._walk: Walk | None = None
        self._next = 0
        self._mood = ""
        self._trouble_over = False

    @property
    def has_work(self) -> bool:
        """Whether a bead is being worked on."""
        return self._plan is not None

    def look_at_hook(self) -> float | None:
        """Read the hook and start on its work; return the seconds until the first step, or None if it is empty."""
        work = self._read_hook()
        if work is None:
            return None
        self._plan = plan_for(work)
        self._next = 0
        self._begin_walk(work)
        self._mood = self._mood_for(work)
        self._trouble_over = False
        self.session.bead = work.bead
        self._say(f"● Hook: {work.bead} {work.title}")
        return self._show_step()

    def _begin_walk(self, work: Assignment) -> None:
        """Read the progress of the work's molecule, if it has one."""
        try:
            self._walk = walk_of(self.session.identity.town, work.molecule) if work.molecule else None
        except GastownError as error:
            self._walk = None
            self._say(f"● {work.molecule}: {error}")
        walk, plan = self._walk, self._plan
        if walk is None or plan is None:
            return
        if not walk.has_work_step:
            # the molecule's steps are the work
            self._plan = plan._replace(steps=walk.titles)
            self._next = min(walk.done, len(walk.titles))
        elif walk.name != WORK_STEP and walk.is_past_work:
            self._next = len(plan.steps)

    def first_mood(self) -> str:
        """Return the mood of the work on the hook, or of the session; called before work starts."""
        work = self._read_hook()
        if work is None:
            return self.session.identity.mood
        self.session.bead = work.bead
        return self._mood_for(work)

    def _read_hook(self) -> Assignment | None:
        identity = self.session.identity
        if not identity.town:
            return None
        try:
            work = read_hook(identity.work_dir)
        except GastownError as error:
            self._say(f"● gt hook: {error}")
            self.session.beat("stuck", str(error)[:120])
            return None
        return work if work and work.bead else None

    def _mood_for(self, work: Assignment) -> str:
        return mood_of(work.labels, work.description, self.session.identity.mood)

    def advance(self) -> float | None:
        """Do the next step; return the seconds until the following one. Raises CrashError if the mood is to crash."""
        plan = self._plan
        if plan is None:
            return None
        if self.resume_at:
            return self._wait_for_limit()
        if self._next >= TROUBLE_STEP and not self._trouble_over and self._begin_trouble(plan):
            return None if not self.resume_at else max(0.0, self.resume_at - SYSTEM_CLOCK.now())
        walk = self._walk
        if walk is not None and not walk.hands_in and not walk.step:
            return self._wait_for_step(walk)
        if self._next >= len(plan.steps) if walk is None else walk.hands_in:
            return self._finish(plan)
        if walk is not None and not walk.is_edit:
            return self._tick(walk)
        return self._edit(plan, walk)

    def _edit(self, plan: Plan, walk: Walk | None) -> float | None:
        try:
            name = do_step(plan, self._next, self.session.identity.work_dir, commit=self._commits())
        except (GastownError, OSError) as error:
            self._fail(str(error))
            return None
        step = plan.steps[self._next]
        self._next += 1
        self._say(f"● Edit({name})\n  ⎿  {step}")
        self.session.event("step", bead=plan.bead, step=self._next, of=len(plan.steps), message=step)
        if walk is not None and (not walk.has_work_step or self._next >= len(plan.steps)):
            return self._tick(walk)
        return self._show_step()

    def _tick(self, walk: Walk) -> float | None:
        """Close a step of the molecule."""
        name = walk.name
        try:
            walk.tick(self.session.identity.work_dir)
        except GastownError as error:
            self._fail(str(error))
            return None
        self._say(f"● gt mol step done {name}\n  ⎿  {walk.done} of {walk.total}")
        return self._show_step()

    def _wait_for_step(self, walk: Walk) -> float | None:
        """Be idle, because every remaining step is blocked; look again at the next text."""
        self.busy = ""
        self._plan = None
        self._say(f"● {walk.molecule}: no steps are ready")
        self.session.beat("waiting", f"{walk.molecule} is blocked, {walk.done} of {walk.total} steps done")
        return None

    def go_on(self) -> float | None:
        """End a trouble that a text can end, and resume; return the seconds until the next step, or None."""
        if self._plan is None or self.resume_at:
            return None
        self._trouble_over = True
        self.session.muted = False
        return self._show_step()

    def _show_step(self) -> float:
        plan = self._plan
        if plan is None:
            return 0.0
        walk, total = self._walk, len(plan.steps)
        what = plan.steps[self._next] if self._next < total else "handing in"
        at, pace = f"step {min(self._next + 1, total)}/{total}", self.session.identity.pace_s
        if walk is not None and not walk.is_edit:
            # nothing is written in such a step, so that it takes less
            what, pace = "handing in" if walk.hands_in else walk.title, pace / LOOK_FACTOR
            at = f"step {min(walk.done + 1, walk.total)}/{walk.total}"
        self.busy = f"{what} · {plan.bead} · {at}"
        self.session.beat("working", f"{at} {what}")
        return pace * SLOW_FACTOR if self._mood == SLOW else pace

    def _commits(self) -> bool:
        return is_worktree(self.session.identity.work_dir)

    def _begin_trouble(self, plan: Plan) -> bool:
        """Start the mood's trouble; return True if work stops for it."""
        mood = self._mood
        if mood == CRASH:
            do_step(plan, min(self._next, len(plan.steps) - 1), self.session.identity.work_dir, commit=False)
            raise CrashError(f"lost the thread in step {self._next + 1} of {plan.bead}")
        if mood == SILENT:
            self.session.muted = True
            return True
        if mood == PERMISSION:
            self.busy = ""
            self.session.beat("waiting", PERMISSION_ASKED)
            self.session.event("waiting", bead=plan.bead, message=PERMISSION_ASKED)
            self._ask(PERMISSION_ASKED, ("Yes", "No"))
            return True
        if mood == LIMITED:
            self.busy = ""
            self.resume_at = SYSTEM_CLOCK.now() + self.session.identity.limit_s
            self._say(f"● API Error: rate limited until {local_minute(self.resume_at)}")
            self.session.limited_until(self.resume_at)
            return True
        if mood == STUCK:
            self.busy = ""
            words = f"the tests of {plan.bead} fail and I cannot see why"
            self._say(f"● I am stuck: {words}. Please help.")
            self.session.beat("stuck", words)
            self.session.event("step", bead=plan.bead, step=self._next, message=f"stuck, asks for help: {words}")
            return True
        self._trouble_over = True
        return False

    def _wait_for_limit(self) -> float | None:
        left = self.resume_at - SYSTEM_CLOCK.now()
        if left > 0:
            return left
        self.resume_at = 0.0
        self._trouble_over = True
        self._say("● The limit is over; continuing.")
        return self._show_step()

    def _finish(self, plan: Plan) -> float | None:
        self._plan = None
        try:
            if self._mood in (SLIPS, BREAKS) and self._commits():
                self._say(f"● Edit(tests)\n  ⎿  {add_fault(plan, self._mood, self.session.identity.work_dir)}")
        except (GastownError, OSError) as error:
            self._fail(str(error))
            return None
        ok, words = hand_in(self.session.identity.work_dir)
        if not ok:
            self._fail(f"gt done: {words}")
            return None
        self._say(f"● gt done\n  ⎿  {words}")
        self.session.bead = ""
        self.busy = ""
        self.session.beat("idle", f"handed in {plan.bead}")
        return None

    def _fail(self, words: str) -> None:
        self.busy = ""
        self._say(f"● {words}")
        self.session.beat("stuck", words[:120])
