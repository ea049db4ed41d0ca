"""The pages, by audience: desk, recordings, account, health, audit, public. Views hold no rule of their own."""
