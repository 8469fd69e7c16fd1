"""One module per noun of ``gt``: each command parses its arguments, calls the engine and prints."""
