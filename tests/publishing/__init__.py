"""What the project publishes: reports, pages, plots and pictures, and the documents that are made from the code.

Nothing here measures for the benchmarks: `page` and `plots` draw `reports/evidence/` from the files that
`tests.benchmarks` wrote, `reports` runs the program as a user does and keeps what it left, `pictures` shows one of
those searches in `README.md`, and each `..._reference` prints one page of `docs/`.
"""
