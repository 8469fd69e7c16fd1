"""Formulas and molecules: workflow texts read, checked and composed into recipes; recipes poured into beads."""
