"""SQLite backend with composite keys of id and tenant, as on PostgreSQL."""
