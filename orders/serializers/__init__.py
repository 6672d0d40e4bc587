"""Request and response serializers of the orders app."""
