"""Jobs on recordings."""
