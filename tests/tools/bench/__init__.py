"""How fast Till is, beside what limits it and what one would write instead."""
