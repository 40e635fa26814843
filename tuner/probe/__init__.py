"""Looks at models, devices and the host without running inference."""
