"""The live model: sources collect facts, pure reducers turn them into a snapshot, and a stream holds the events."""
