"""The scheduler: one limit, one queue, one way to dispatch, and explanations."""
