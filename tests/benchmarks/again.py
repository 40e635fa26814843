"""Forgets what was measured of some models, so that the pieces measure it again; recordings stay."""

import sys

from tests.benchmarks.evidence import Evidence

PIECES = ("regret", "sweep", "claims", "false_wins_replayed")

if __name__ == "__main__":
    for piece in PIECES:
        for name in sys.argv[1:]:
            Evidence(piece).forget(name)
