"""What is true now: the outbox that browsers follow, agents' presence, trunks, and how far facts are stored."""
