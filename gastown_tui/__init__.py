"""The console: a full-screen picture of a town, and the acts a person takes on it."""
