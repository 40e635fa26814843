"""The search over any lanes: hints, proposals, trials, final, verdict; without files and terminal."""
