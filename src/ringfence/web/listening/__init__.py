"""For which purposes recordings are heard, and who heard one's own calls."""
