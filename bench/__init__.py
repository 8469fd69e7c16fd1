"""Measurements of the whole programme from outside: ``make bench``. Never part of the tests."""
