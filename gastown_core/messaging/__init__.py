"""Messages to agents: nudges, handoffs, mail and escalations."""
