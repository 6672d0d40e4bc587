"""Tests of the admin site for managers and admins of a shop."""
