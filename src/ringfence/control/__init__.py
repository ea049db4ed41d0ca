"""Typed commands, facts and directory snapshots that the engine and the centre exchange. No behaviour lives here."""
