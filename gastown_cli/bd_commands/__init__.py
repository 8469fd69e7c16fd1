"""One module per noun of ``bd``: each command parses its arguments, calls the ledger and prints."""
