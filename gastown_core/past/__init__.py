"""The town at an earlier moment, rebuilt from its event log, its ledgers and git; it says what it cannot know."""
