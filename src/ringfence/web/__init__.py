"""Pages by audience, and the front end."""
