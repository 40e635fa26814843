"""Signals to a process that has compiled models."""

import ctypes

SS_DISABLE = 2


class Stack(ctypes.Structure):
    """`stack_t` of C."""

    _fields_ = (("ss_sp", ctypes.c_void_p), ("ss_flags", ctypes.c_int), ("ss_size", ctypes.c_size_t))


def handle_on_own_stack() -> None:
    """Handle signals on the thread's own stack.

    On processors with AMX, OpenVINO 2026.4 gives the thread that compiles a stack for signals, and leaves it
    with one that was freed when several models were destroyed. Then the next signal ends the process.
    """
    ctypes.CDLL(None).sigaltstack(ctypes.byref(Stack(None, SS_DISABLE, 0)), None)
