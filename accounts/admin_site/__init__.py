"""The browser's way in: whose cookie it is, the forms at the doors, and the shop's site."""
