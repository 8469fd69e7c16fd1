from __future__ import annotations

from tests.support.queued import queued, queued_seed

__all__ = ["queued", "queued_seed"]
