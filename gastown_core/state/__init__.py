"""The live model: facts from sources, pure reducers over them, and the stream of events."""
