"""The saved study: trials and the final in Optuna's storage, read again as a result."""
