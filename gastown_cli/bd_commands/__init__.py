"""One module per ``bd`` command: parse, one call into the ledger, print."""
