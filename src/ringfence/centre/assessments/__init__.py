"""Impact assessments: no purpose is on until an approved entry covers it (R81), signed by two people (C29)."""
