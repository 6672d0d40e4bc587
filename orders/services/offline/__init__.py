"""Sales that a till made without us and tells us of later: booked, flagged, never refused."""
