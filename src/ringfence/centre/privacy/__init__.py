"""What every stored field is for, whom it is about, how long it stays and how it goes: declared, or nothing starts."""
