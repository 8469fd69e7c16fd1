"""Orders and receipts: what a front end may request, and how it learns the outcome.

An Order is data.  Performing it yields one Receipt per stage reached, the last one ``final``.  Front ends show each
stage as it comes (``queued → typed → submitted → turn started``) and a failure as text.
"""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Order(Record):
    """A request by name (``agent.nudge``) for a target, with named text arguments."""

    kind: str
    target: str
    arguments: Mapping[str, str] = {}


class Receipt(Record):
    """One stage of an order; ``ok`` False ends it, with the reason in ``detail``; ``final`` marks the last stage."""

    order: str
    target: str
    stage: str
    detail: str = ""
    ok: bool = True
    final: bool = False
    at: float = 0.0

    def as_json(self) -> dict[str, object]:
        """Return the receipt as one line of ``--receipts`` output."""
        out: dict[str, object] = {"order": self.order, "target": self.target, "stage": self.stage, "ok": self.ok}
        if self.detail:
            out["detail"] = self.detail
        out["final"] = self.final
        out["at"] = round(self.at, 3)
        return out
