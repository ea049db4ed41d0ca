"""Who did what: typed entries in an append-only, hash-chained table."""
