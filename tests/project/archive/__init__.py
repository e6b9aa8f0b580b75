"""A project that had rows before it synced."""
