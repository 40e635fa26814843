"""Benchmarks: real measurements on a quiet machine, run by `make bench` and never by CI.

Each piece is a module that runs alone, skips what its file under `reports/evidence/` holds already,
and saves after every item: an interruption costs one item. `page` draws the table from the files.
"""
