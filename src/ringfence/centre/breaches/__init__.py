"""Data breaches and drills of them: the 72-hour clock, containment, who is affected, and the signed record (R135)."""
