"""Fuzzing of all decoders. A new target is one function in one file ``target_*.py``, with ``@target``.

In CI a small budget (``test_fuzz.py``); ``python -m tests.fuzz --inputs 1000000`` is the scheduled run.
"""
