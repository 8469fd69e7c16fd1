"""What is known of one agent at one moment, and the thresholds by which it is judged: the input of ``health``."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.adapter import Said
    from gastown_core.runtimes.heartbeat import Heartbeat


class Thresholds(Record):
    """Spans in seconds, and how many workers a bead may cost; defaults of town-and-agents.md section 11."""

    stalled_s: float = 900.0
    gupp_s: float = 1800.0
    ralph_stalled_s: float = 7200.0
    ralph_gupp_s: float = 14400.0
    hung_s: float = 1800.0
    heartbeat_stale_s: float = 180.0
    spawn_grace_s: float = 300.0
    most_deaths: int = 3
    start_grace_s: float = 15.0
    """Work this fresh may stand on the hook before its session does: a sling makes one after the other.

    A program that ends within this time of its start has failed to start.
    """
    turn_settle_s: float = 1.0
    """A turn that ended this long ago may be followed by the next one by itself: a queued prompt, the first one of all."""
    limit_held_s: float = 300.0
    """How long a limit that ended a turn counts if nobody says when it ends."""
    dam_s: float = 30.0
    """How long ready work may wait behind a link that is known to be broken."""
    unexplained_s: float = 300.0
    """How long ready work may wait while there is room and nothing is known to be broken."""
    feed_grace_s: float = 30.0
    """How long members of a new convoy wait before they are dispatched."""
    places: int = 25
    """How many polecats may work at once."""
    rig_places: int = 30
    is_deferred: bool = False
    """Whether all slings go through the scheduler's queue."""
    start_dialog_s: float = 20.0
    """A program that has no record after this time stands at a question that nobody recognised."""


class ProgressSign(Record):
    """One sign of progress: when, what, and where it was read."""

    at: float
    text: str
    source: str


class Evidence(Record):
    """All that is known of one agent at one moment.

    ``session`` and ``alive`` are None where nothing is known; ``tmux_error`` says why if tmux failed to answer,
    and stays empty in a town without tmux.  ``said`` is what the program itself says, in its record or by its hooks.
    ``screen`` is (kind, detail) of the last reading of its pane, which was made at ``screen_at``, ``screen_until`` when
    a limit on it is over, 0 if it does not say so.  ``started_at`` is when
    its program was started, ``last_words`` what one that ended had written last.
    ``stopped`` says that its session was ended on purpose, in words.  ``elsewhere`` is the process of an agent that lives
    and that tmux does not list; ``for_work`` False says that its session was not started for the work on its hook;
    ``has_run`` False that no event or heartbeat shows that it ever had a session.
    """

    standing: bool = False
    town_up: bool = False
    has_run: bool = True
    off_duty: str = ""
    work_bead: str = ""
    work_since: float = 0.0
    progress: tuple[ProgressSign, ...] = ()
    agent_state: str = ""
    agent_state_at: float = 0.0
    session: bool | None = None
    alive: bool | None = None
    exit_status: int | None = None
    died_at: float | None = None
    last_output_at: float | None = None
    started_at: float | None = None
    last_words: tuple[str, ...] = ()
    said: Said | None = None
    heartbeat: Heartbeat | None = None
    screen: tuple[str, str] | None = None
    screen_at: float | None = None
    screen_until: float = 0.0
    tmux_error: str = ""
    ledger_error: str = ""
    muted: bool = False
    ralph: bool = False
    stopped: str = ""
    elsewhere: int = 0
    for_work: bool = True
    badges: tuple[str, ...] = ()


def last_progress(evidence: Evidence) -> ProgressSign | None:
    """The newest sign of progress, None if there is none."""
    return max(evidence.progress, key=lambda sign: sign.at, default=None)
