"""Sling: work from the ledger onto an agent's hook, and the rollback if that fails."""
