"""Offline sales: book uploaded sales and flag their deviations."""
