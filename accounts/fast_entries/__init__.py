"""Frequent reads, answered before Django."""
