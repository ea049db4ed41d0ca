"""What engine and centre exchange: typed commands, facts and directory snapshots, their framing, and a client."""
