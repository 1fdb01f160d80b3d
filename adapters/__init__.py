"""Protocols to samples. One file a protocol; an adapter knows profiles, not what a station's values mean."""
