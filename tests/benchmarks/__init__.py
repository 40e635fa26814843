"""What measures: benchmarks on a quiet machine, run by `make bench` and never by CI.

Each module is one piece. It runs alone, skips what its file under `reports/evidence/` already holds, and saves after
every item: an interruption costs one item. `evidence`, `models` and `app` are what the pieces share; `again` forgets
items. What is drawn from the files is in `tests.publishing`.
"""
