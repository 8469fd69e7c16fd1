"""What comes in front of the town: prompts, pickers, confirmations, the page of keys, the log of commands."""
