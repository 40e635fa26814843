"""Words of the project as frozen data and pure functions: no I/O, no OpenVINO, no Optuna."""
