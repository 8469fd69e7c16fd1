"""The engine of Gas Town: ledger, events, town, agents and the live model. It knows no terminal and no face."""

__version__ = "0.1.0"
