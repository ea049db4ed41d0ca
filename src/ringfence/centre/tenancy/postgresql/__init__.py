"""Django's PostgreSQL backend, with every connection told which clients the running work may see."""
