"""Demo shops: their users, products and first sale."""
