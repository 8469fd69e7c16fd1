"""Whether a rig's merge settings have changed since an engine read them: a queue that is never empty would never see it."""

from __future__ import annotations

from gastown_core.errors import SettingsError
from gastown_core.files.mark import mark_at
from gastown_core.refinery.policy import load_policy
from gastown_core.town.settings import settings_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.files.mark import Mark
    from gastown_core.refinery.policy import Policy


class PolicyWatch:
    """The files of a rig's policy, its own and the town's; made before the policy is read."""

    def __init__(self, root: str, rig: str) -> None:
        self.root = root
        self.rig = rig
        self._paths = settings_path(root, "rig", rig), settings_path(root)
        self._marks = self._look()
        self._differs = False

    def differs_from(self, policy: Policy) -> bool:
        """Whether the files now say something else; settings that cannot be used do not: what was read goes on counting."""
        marks = self._look()
        if marks != self._marks:
            try:
                self._differs = load_policy(self.root, self.rig) != policy
            except SettingsError:
                self._differs = False
            self._marks = marks
        return self._differs

    def _look(self) -> tuple[Mark | None, ...]:
        return tuple(mark_at(path) for path in self._paths)
