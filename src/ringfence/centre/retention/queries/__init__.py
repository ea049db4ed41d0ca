"""Reading retention: rules, duty, what is due, holds, requests, flags, the destruction log and recording health."""
