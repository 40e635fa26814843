"""Runs inference for searches: lanes, windows, rounds, duels."""
