"""Replays of recorded arrivals: what the forecast would have said on days it has not seen, and how right it was."""
