"""Admin sites: log-in, browser sessions, password change and the tenant site."""
