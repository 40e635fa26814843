"""The advice YAML: its records, writer and loader, how it fits a host, and its exports."""
