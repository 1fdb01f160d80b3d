"""Faults that emulated devices show on command: named, seeded, and on the wire."""
