"""The shop's own admin site, as managers and admins use it, and as nobody shall."""
