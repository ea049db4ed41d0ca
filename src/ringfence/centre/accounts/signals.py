"""Rooms above this one learn of changes here through a signal, inside the transaction of the change."""

from django.dispatch import Signal

access_changed = Signal()
"""Somebody's rights changed, or somebody must know of it. Arguments: ``what`` (a closed code), ``clients`` (codes, or
None for every client)."""
