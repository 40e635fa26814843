"""The search over any lanes: hints, proposals, trials, final, verdict. It knows no files and no terminal."""
