"""The vault: sealed recordings, their keys, and where both are kept. Synchronous; no web framework."""
