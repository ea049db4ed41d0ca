"""Home and account pages of a signed-in person."""
