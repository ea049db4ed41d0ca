"""Pages on which data breaches and drills are opened, contained, decided and closed."""
