"""Factories of rows; each row has one consistent tenant, whose scope the factory enters."""
