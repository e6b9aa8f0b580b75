"""Tests of the package `crdt`."""
