"""Real server processes and what kills, stops and loads them."""

# A header of servers under test with the route that answered before Django: see `wsgi`.
FAST_HEADER = "X-Live-Before-Django"
