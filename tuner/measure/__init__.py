"""Runs inference: lanes, windows, rounds, duels. Nothing else in the project does."""
