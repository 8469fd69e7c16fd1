"""A run on what is on the target already: a batch without requests, whose probes take gate places like any other's."""

from __future__ import annotations

from abc import abstractmethod

from gastown_core.errors import GitError
from gastown_core.model.refinery import STACKING
from gastown_core.refinery.batch import Batch
from gastown_core.refinery.hold import HoldError
from gastown_core.refinery.place import StoppedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.fleet import Course


class TargetRun(Batch):
    """A batch without requests; ``examine`` says what it looks at."""

    def course(self) -> Course:
        """The run from begin to end, as the fleet drives it; what goes wrong holds the queue."""
        self.board.begin(self.id, self.target, [], phase=STACKING, why=self.why)
        try:
            self.place.check_stop()
            yield from self.examine()
        except StoppedError:
            self.result = self.result._replace(stopped=True)
        except HoldError as error:
            self.hold_queue(error)
        except GitError as error:
            self.hold_queue(HoldError.of_git(error))
        self.result = self.result._replace(
            secs=round(self.place.clock.now() - self.began, 3),
            probes=len(self.board.state.probes),
            runs=self.gates.count,
            gate_set=self.gates.policy.gate_set,
            times=tuple(round(one, 3) for one in self.gates.times),
            base=self.base,
            why=self.why,
        )

    @abstractmethod
    def examine(self) -> Course:
        """The probes of the run, and what follows from them. Raises StoppedError, HoldError, GitError."""

    @property
    def says_something(self) -> bool:
        """Whether it found anything out that is to be recorded."""
        return True
