"""The project's terms as frozen data and pure functions: no I/O, no OpenVINO, no Optuna."""
