"""Configuration of the orders app."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from orders.checks import check_cards_are_not_simulated, check_receipt_fonts


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        """Register the checks."""
        register(check_cards_are_not_simulated, Tags.security, deploy=True)
        register(check_receipt_fonts, Tags.compatibility)
