"""What came of one sling."""

from __future__ import annotations

from gastown_core.model.record import Record


class Slung(Record):
    """The outcome; ``by_hand`` is the command to type where no session could be made.

    ``rescue`` is the ref of work that lay in a reused worktree, ``was_hooked`` says that nothing had to be done.
    """

    bead: str
    title: str = ""
    target: str = ""
    agent: str = ""
    branch: str = ""
    worktree: str = ""
    convoy: str = ""
    formula: str = ""
    molecule: str = ""
    session: str = ""
    runtime: str = ""
    by_hand: str = ""
    rescue: str = ""
    was_hooked: bool = False
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The outcome as ``gt sling --json`` prints it."""
        return {**self._asdict(), "warnings": list(self.warnings), "deferred": False}
