"""The text format of Prometheus: all figures as a page that it can fetch."""

from __future__ import annotations

from gastown_core.telemetry.metric_table import ALL_METRICS, COUNTER, HISTOGRAM
from gastown_core.telemetry.readings import of_town, read_usage
from gastown_core.telemetry.series import figures_of, flat, plain_name
from gastown_core.telemetry.tally import Tally, read_tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import TownSnapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OFF = "# telemetry is off, so nothing is counted here: gt config set telemetry.enabled on"


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
