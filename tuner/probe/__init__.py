"""OpenVINO at rest: reads models, finds batch axes, lists devices, describes the host."""
