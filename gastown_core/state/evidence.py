"""The evidence about one agent at one moment, and the thresholds for judging it: the input of ``health``."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.adapter import Said
    from gastown_core.runtimes.exported import Exported
    from gastown_core.runtimes.heartbeat import Heartbeat


class Thresholds(Record):
    """Spans in seconds, and how many workers a bead may cost; these are the defaults."""

    stalled_s: float = 900.0
    gupp_s: float = 1800.0
    long_turn_s: float = 7200.0
    """How long one turn may last without another sign of progress while its program says so and goes on printing."""
    ralph_stalled_s: float = 7200.0
    ralph_gupp_s: float = 14400.0
    hung_s: float = 1800.0
    heartbeat_stale_s: float = 180.0
    spawn_grace_s: float = 300.0
    most_deaths: int = 3
    start_grace_s: float = 15.0
    """How long work may be on the hook before its session exists: a sling creates one after the other.

    A program that ends this soon after its start has failed to start.
    """
    turn_settle_s: float = 1.0
    """How soon after the end of a turn the next one may begin without a nudge: a queued prompt, the very first prompt."""
    limit_held_s: float = 300.0
    """How long a limit that ended a turn counts if no source gives its end."""
    dam_s: float = 30.0
    """How long ready work may wait behind a known broken link before the alarm."""
    unexplained_s: float = 300.0
    """How long ready work may wait without a known broken link, while there is capacity, before the alarm."""
    feed_grace_s: float = 30.0
    """How long members of a new convoy wait before they are dispatched."""
    places: int = 25
    """How many polecats may work at once."""
    rig_places: int = 30
    is_deferred: bool = False
    """Whether all slings go through the scheduler's queue."""
    mass_count: int = 3
    """So many agents that die within ``mass_window_s`` died together."""
    mass_window_s: float = 30.0
    start_dialog_s: float = 20.0
    """A program that has no record after this time is assumed to show an unrecognised question."""
    start_blank_s: float = 180.0
    """One whose screen is empty asks nothing: on a busy machine some load for minutes."""


class ProgressSign(Record):
    """One sign of progress: when, what, and where it was read."""

    at: float
    text: str
    source: str


class Evidence(Record):
    """All evidence about one agent at one moment.

    ``session`` and ``alive`` are None if unknown; ``tmux_error`` says why if tmux did not answer,
    and stays empty in a town without tmux.  ``said`` is what the program itself reports, in its record or through its hooks,
    ``exported`` what it has exported since its start.
    ``screen`` is (kind, detail) of the last reading of its pane, which was made at ``screen_at``, ``screen_until`` is when
    a limit shown on it ends, 0 if it does not say.  ``started_at`` is when
    its program was started, ``last_words`` the last output of a program that has ended.
    ``stopped`` is the reason if its session was ended on purpose.  ``elsewhere`` is the process of a live agent that
    tmux does not list; ``for_work`` is False if its session was not started for the work on its hook;
    ``has_run`` is False if no event or heartbeat shows that it ever had a session.
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
    exported: Exported | None = None
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
