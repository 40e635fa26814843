"""The saved study: trials and the final in Optuna's storage, and reading them as a result."""
