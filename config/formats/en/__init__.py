"""English, for shops in any country."""
