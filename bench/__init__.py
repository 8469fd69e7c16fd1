"""Benchmarks of the whole program from outside: ``make bench``. Not part of the tests."""
