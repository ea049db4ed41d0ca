"""Settings, command line and the three processes."""
