"""The advice YAML: its records, its writer and its loader, the host it is for, and its exports."""
