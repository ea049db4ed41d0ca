"""Recordings: where they stand, who may hear them, for which purpose, and who did."""
