"""The sources of facts: each keeps one part of ``TownFacts`` true, and notes an error where it cannot."""
