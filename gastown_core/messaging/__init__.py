"""Words to agents: nudges and handoffs, each with receipts."""
