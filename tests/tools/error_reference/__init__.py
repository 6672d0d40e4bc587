"""Write docs/errors.md from the exceptions of the application."""
