"""The pages about the trade: the platform's, and those of the shop's own site."""

from orders.admin import catalog, figures, order, platform, stock

__all__ = ["catalog", "figures", "order", "platform", "stock"]
