"""Shapes of people and of the shop they work in."""
