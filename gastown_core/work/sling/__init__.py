"""Sling: work from the ledger onto an agent's hook, and what takes it back when that fails."""
