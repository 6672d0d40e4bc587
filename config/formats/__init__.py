"""How dates and times are written where people read them, by language."""
