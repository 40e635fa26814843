"""Optuna's room: from a space to trials, from trials to a final."""
