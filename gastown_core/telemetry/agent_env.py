"""The variables by which agents' programs export their own telemetry: to the daemon's receiver, or to the collectors.

The daemon writes them to ``<town>/.runtime/telemetry/agent-env.json``, and the start of a session reads them there
(``town.start_plan``).  Prompts and tool content stay with the programs: nothing here switches them on.
"""

from __future__ import annotations

from gastown_core.files.atomic import write_json
from gastown_core.telemetry.targets import LOGS, METRICS, OTLP
from gastown_core.town.start_plan import agent_env_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.telemetry.targets import Choice

KEY_HEADER = "x-gastown-key"
"""The header that carries the receiver's key."""
ENABLED = {"CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


def agent_env(choice: Choice, receiver: str, key: str) -> dict[str, str]:
    """Return the variables; none if programs are to export nothing.

    With a ``receiver`` (its URL, and its key) all goes there: the town tells the collectors itself, and each request is counted once.
    """
    if receiver:
        told = {
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver,
        }
        return {**ENABLED, **told, "OTEL_EXPORTER_OTLP_HEADERS": f"{KEY_HEADER}={key}"}
    metrics, logs = choice.target(METRICS), choice.target(LOGS)
    found: dict[str, str] = {}
    for target in (metrics, logs):
        if target is not None and target.encoding == OTLP:
            name = target.signal.upper()
            found |= {f"OTEL_{name}_EXPORTER": "otlp", f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT": target.url}
    return {**ENABLED, **found} if f"OTEL_{METRICS.upper()}_EXPORTER" in found else {}


def write_agent_env(root: str, env: dict[str, str]) -> None:
    """Write the variables for sessions that start from now on. Raises StoreError."""
    write_json(agent_env_path(root), dict(env), mode=0o600)
