"""Call flows: which message, which queue, by number and hours. Sans-I/O."""
