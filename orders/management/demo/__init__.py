"""Two shops to look at: who works there, what they sell, and how to make the first sale."""
