"""One module per ``gt`` command: parse, one call into the engine, print."""
