"""The verbs of the shop."""
