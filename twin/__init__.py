"""The model of a station and its future. Pure: no I/O, no protocol, no wall clock, no event loop."""
