"""Offline-first, real-time sync for any Django model."""
