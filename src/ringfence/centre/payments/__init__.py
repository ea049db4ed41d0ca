"""Card payments during a call: which pages may be opened, when the pause is in force, and what proves its end."""
