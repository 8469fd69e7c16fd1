"""The commands ``gt`` and ``bd``: parse arguments, call the engine, print."""
