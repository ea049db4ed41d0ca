"""Pages on which disclosures are opened, advised on, decided, ended and closed."""
