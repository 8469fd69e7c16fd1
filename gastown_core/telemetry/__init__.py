"""Telemetry: what happens in the town, counted and told to collectors over OTLP, and what agents' programs tell of themselves."""
