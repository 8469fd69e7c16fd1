"""The commands gt and bd: parse, one call into the engine, print."""
