from tests import gpu

if not gpu.here():
    collect_ignore = ["inside"]
