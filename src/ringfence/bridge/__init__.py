"""Joins engine and centre: facts become actions, the directory becomes snapshots. The only room that knows both."""
