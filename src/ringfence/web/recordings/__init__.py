"""The call log, recordings and the player."""
