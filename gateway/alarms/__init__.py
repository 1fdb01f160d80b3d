"""Alarms after ISA-18.2: which there are, how they change, and how they reach operators."""
