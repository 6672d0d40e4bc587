"""Shapes of what the till reads and writes."""
