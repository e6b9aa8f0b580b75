"""Devices and the real server in one process, under a clock that moves when told to.

Everything is real but the network, whose frames wait until somebody delivers or loses them.
"""

from .clock import Clock
from .device import Device
from .server import Line, Server

__all__ = ["Clock", "Device", "Line", "Server"]
