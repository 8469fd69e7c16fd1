"""The scheduler: one cap, one queue, one way to set work going, and an account of what waits for what."""
