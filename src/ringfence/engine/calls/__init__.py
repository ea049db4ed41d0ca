"""Calls: legs and bridges of the back-to-back user agent, as plain data that another node could pick up."""
