"""Deterministic simulation: devices, the real server, and everything that goes wrong between them.

project   a Django project in memory     faults    where processes are killed
scenery   devices, lines, what is known  device_acts, server_acts, network_acts  what happens
ledger    what must come out of it       observing what devices saw meanwhile
final     what must hold at the end      running   one simulation, from its seed
"""

__all__: list[str] = []
