"""Polecats as workers: seen, tidied up after, and removed without losing what they hold."""
