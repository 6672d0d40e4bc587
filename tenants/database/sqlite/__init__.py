"""Django's SQLite backend, with keys that begin with the shop as on PostgreSQL."""
