"""Agent programs as data: presets, how to start them, and how to read their screens."""
