"""Molecules: recipes poured into beads, their steps and gates, how they end, and the patrol wisps."""
