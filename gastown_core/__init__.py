"""The engine of Gas Town: ledger, events, town, agents and live state. It imports no front end."""

__version__ = "0.1.0"
