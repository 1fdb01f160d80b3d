"""Measurements of the product beside what it stands on, in one run, as ratios. ``python -m benchmarks --help``."""
