"""The text format of Prometheus: all figures as a page that it can fetch."""

from __future__ import annotations

import os
import secrets

from gastown_core.errors import GastownError
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.files.plain import open_plain
from gastown_core.telemetry.metric_table import ALL_METRICS, COUNTER, HISTOGRAM
from gastown_core.telemetry.readings import of_town, read_usage
from gastown_core.telemetry.series import figures_of, flat, plain_name
from gastown_core.telemetry.tally import Tally, read_tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import TownSnapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OFF = "# telemetry is off, so nothing is counted here: gt config set telemetry.enabled on"


def metrics_key(root: str) -> str:
    """Return the key by which a Prometheus server may fetch the page, made at the first call; empty if it cannot be kept.

    It is in ``<town>/.runtime/telemetry/metrics-key``, for Prometheus' ``credentials_file``.
    """
    path = os.path.join(root, ".runtime", "telemetry", "metrics-key")
    try:
        private_folder(os.path.dirname(path))
        if not os.path.exists(path):
            write_atomic(path, secrets.token_urlsafe(32).encode(), mode=0o600)
        with open(open_plain(path), encoding="ascii") as handle:
            return handle.read().strip()
    except (GastownError, OSError, ValueError):
        return ""


def page(root: str, town: TownSnapshot, need: int, now: float) -> str:
    """Return the figures of a town. Raises StoreError for a usage ledger that cannot be read."""
    tally = read_tally(root)
    figures = figures_of(tally or Tally(now, "", {}), now, {**read_usage(root), **of_town(town, need)})
    lines = [] if tally is not None else [_OFF]
    rows = {plain_name(row.name): row for row in ALL_METRICS.values()}
    told = ""
    for name, labels, value in flat(figures):
        family = name if name in rows else name.rpartition("_")[0]
        if family != told:
            row, told = rows[family], family
            kind = row.kind if row.kind in (COUNTER, HISTOGRAM) else "gauge"
            lines += [f"# HELP {family} {_help(row.about)}", f"# TYPE {family} {kind}"]
        pairs = ",".join(f'{key}="{_text(text)}"' for key, text in labels if text)
        lines.append(f"{name}{'{' + pairs + '}' if pairs else ''} {value:.15g}")
    return "\n".join(lines) + "\n"


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _text(value: str) -> str:
    return _help(value).replace('"', '\\"')
