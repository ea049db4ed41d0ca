"""Backups of an installation, and their way back. docs/howto/back-up-and-restore.md is the operator's side."""
