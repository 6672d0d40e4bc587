"""Frequent requests that are answered before Django; see `tenants.api.fast_entry`."""
