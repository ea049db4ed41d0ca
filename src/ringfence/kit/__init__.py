"""Small things every room needs: clock, ids, owned tasks, errors, log redaction. Standard library only."""
