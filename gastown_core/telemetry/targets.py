"""Where telemetry goes: a target for each signal, from the environment and the settings.

``GT_OTEL_METRICS_URL`` and ``GT_OTEL_LOGS_URL`` come first, then the standard variables, then the settings.  The encoding
follows from the URL's path: the URLs of the seeds are no OTLP ones.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from gastown_core.model.record import Record
from gastown_core.telemetry.metric_table import OPT_INS
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

METRICS, LOGS, TRACES = "metrics", "logs", "traces"
SIGNALS = (METRICS, LOGS, TRACES)
OTLP, JSON_LINES, REMOTE_WRITE = "otlp", "json lines", "remote write"
DEFAULT_URLS = {
    METRICS: "http://localhost:8428/opentelemetry/api/v1/push",
    LOGS: "http://localhost:9428/insert/opentelemetry/v1/logs",
}
"""The Go tools' defaults, where only one of their two URLs is set."""
VARIABLES = {METRICS: "GT_OTEL_METRICS_URL", LOGS: "GT_OTEL_LOGS_URL"}
SHORTEST_INTERVAL_S = 0.1


class Target(Record):
    """Where a signal goes, and how it is encoded."""

    signal: str
    url: str
    encoding: str = OTLP

    @property
    def place(self) -> str:
        """The URL without what may be secret in it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


class Choice(Record):
    """What telemetry does in a town: whether it counts, its targets, how often it sends, and what content it may tell.

    ``problems`` are settings and variables that it cannot follow.
    """

    is_on: bool
    targets: tuple[Target, ...] = ()
    interval_s: float = 30.0
    content: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    receives: bool = False
    receiver_port: int = 0

    def target(self, signal: str) -> Target | None:
        """Return the target of a signal."""
        return next((one for one in self.targets if one.signal == signal), None)


def choose(root: str, env: Mapping[str, str]) -> Choice:
    """Return what the environment and the town's settings ask for."""
    settings = load_settings(root)
    enabled = settings.lenient("telemetry.enabled")
    if enabled == "off" or env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Choice(False)
    found, problems = [], []
    for signal in SIGNALS:
        url = _url(signal, env) or str(settings.lenient(f"telemetry.{signal}_url") or "")
        if not url or env.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() == "none":
            continue
        why = complaint(url)
        if why:
            problems.append(f"{signal} are not sent to {url!r}: {why}")
        else:
            found.append(Target(signal, url, encoding_of(signal, url)))
    if "grpc" in (env.get("OTEL_EXPORTER_OTLP_PROTOCOL", ""), env.get("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "")):
        problems.append("OTEL_EXPORTER_OTLP_PROTOCOL=grpc: this program speaks http/protobuf, the port is mostly 4318")
    receives = bool(settings.lenient("telemetry.receiver"))
    is_on = bool(found) or enabled == "on" or receives
    content = {name for name in OPT_INS if env.get(name, "").strip().lower() == "true"}
    content |= {str(one) for one in settings.lenient("telemetry.content")} & {*OPT_INS}
    interval_s = _interval(env, settings.seconds("telemetry.interval"))
    port = int(settings.lenient("telemetry.receiver_port"))
    return Choice(is_on, tuple(found), interval_s, frozenset(content), tuple(problems), receives, port)


def _url(signal: str, env: Mapping[str, str]) -> str:
    """Return the URL that the environment gives, empty if none."""
    own = env.get(VARIABLES.get(signal, ""), "").strip()
    if own:
        return own
    standard = env.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip()
    if standard:
        return standard
    base = env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if base:
        return f"{base.rstrip('/')}/v1/{signal}"
    if any(env.get(name, "").strip() for name in VARIABLES.values()):
        return DEFAULT_URLS.get(signal, "")
    return ""


def _interval(env: Mapping[str, str], usual: float) -> float:
    millis = env.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip()
    asked = int(millis) / 1000 if millis.isdecimal() else usual
    return max(asked, SHORTEST_INTERVAL_S)


def encoding_of(signal: str, url: str) -> str:
    """Return how a URL wants to be told: VictoriaLogs' JSON lines, Prometheus' remote write, else OTLP."""
    path = urlsplit(url).path.rstrip("/")
    if signal == LOGS and path.endswith("/insert/jsonline"):
        return JSON_LINES
    if signal == METRICS and path.endswith("/api/v1/write"):
        return REMOTE_WRITE
    return OTLP


def complaint(url: str) -> str:
    """Return why this is no URL to send to, empty if it is one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https"):
        return "it does not begin with http:// or https://"
    return "" if parts.hostname and port != 0 else "it names no host"
