"""Procedures, desk aids and cards: versions, sign-offs, and the gate before the first call (R101 to R107)."""
