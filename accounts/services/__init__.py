"""What is done by and to the people of a shop."""
