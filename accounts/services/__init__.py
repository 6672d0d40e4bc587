"""Services: log-in, sessions, users, PINs, terminals, approvals and store assignments."""
