"""The live model: sources of facts, the pure reducer, health, and the stream of events."""
