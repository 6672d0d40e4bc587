"""Write the files of a new resource: `python -m tests.tools.resource --name brand --app orders`."""
