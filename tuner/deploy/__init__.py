"""The advice YAML: what to deploy, written once, loaded by applications."""
