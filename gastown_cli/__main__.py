"""``python -m gastown_cli`` is ``gt``."""

from gastown_cli.main import gt

raise SystemExit(gt())
