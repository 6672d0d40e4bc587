"""Real baskets, sold once more: files in, requests out, and every cent counted at the end."""
