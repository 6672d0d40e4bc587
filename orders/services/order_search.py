"""Search for sales by what is printed on a receipt, as people type it.

Order numbers with or without zeros, receipt numbers, amounts, and the customer.
"""

import re
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db.models import F, Q

from orders.models import Customer, Order
from orders.models.order import format_order_number
from orders.services.customers import search_customers
from tenants.email_addresses import normalize_email
from tenants.models import Register
from tenants.scope import current_tenant
from tenants.written_numbers import read_amount

ORDER_NUMBER = re.compile(r"(\d{1,9})-(\d{1,15})", re.ASCII)
# Fits the integer columns of numbers.
DIGITS = re.compile(r"\d{1,15}", re.ASCII)
WITH_DECIMALS = re.compile(r"\d[.,]\d", re.ASCII)
# More customers with such a name are not looked through.
MAX_CUSTOMERS = 200
# Nor are more orders of one text looked through for their refunds.
MAX_ORDERS = 1_000
NO_MATCH = Q(pk__in=())


def build_order_condition(text: str, prefix: str = "") -> Q:
    """Return the condition of the orders that a text means.

    `prefix` is that of the order in lookups of a related model, such as `order__`.
    """
    text = text.strip()
    amount = read_searched_amount(text)
    if amount is not None:
        return match_amount(amount, prefix)
    if "@" in text:
        return match_email(text, prefix)
    external = Q(**{f"{prefix}external_id": text})
    if found := ORDER_NUMBER.fullmatch(text):
        number = format_order_number(int(found[1]), int(found[2]))
        # The text itself too: former numbers of other systems are not written this way.
        return Q(**{f"{prefix}number__in": [number, text]}) | external
    if DIGITS.fullmatch(text):
        return match_digits(int(text), prefix) | external
    return Q(**{f"{prefix}number": text}) | external | match_customer(text, prefix)


def read_searched_amount(text: str) -> Decimal | None:
    """Return the amount that a text is, or None: digits alone are a number, unless the currency has
    no decimals.
    """
    if WITH_DECIMALS.search(text) or (not current_tenant().currency_exponent and text.isdigit()):
        return read_amount(text)
    return None


def match_amount(amount: Decimal, prefix: str = "") -> Q:
    """Match the total, before or after rounding to coins."""
    total, step = f"{prefix}total", current_tenant().cash_rounding_increment
    if not step:
        return Q(**{total: amount})
    near = Q(**{f"{total}__gte": amount - step, f"{total}__lte": amount + step})
    rounded = Q(**{total: amount - F(f"{prefix}cash_rounding")})
    return near & (Q(**{total: amount}) | rounded)


def match_digits(number: int, prefix: str) -> Q:
    """Match the number of the order or of its receipt at every register, as the indexes need it."""
    registers = dict(Register.objects.values_list("pk", "number"))
    numbers = [format_order_number(register, number) for register in registers.values()]
    by_receipt = Q(**{f"{prefix}receipt_number": number, f"{prefix}register__in": list(registers)})
    return Q(**{f"{prefix}number__in": numbers}) | by_receipt


def match_email(text: str, prefix: str) -> Q:
    """Match a whole e-mail address: that on the order as it was written, or of its customer."""
    spellings = {text, text.lower()}
    try:
        spellings.add(normalize_email(text))
    except ValidationError:
        return NO_MATCH
    on_order = Q(**{f"{prefix}customer_email__in": sorted(spellings)})
    return on_order | match_customer(text, prefix)


def match_customer(text: str, prefix: str) -> Q:
    customers = search_customers(Customer.objects.all(), text)
    ids = list(customers.order_by("pk").values_list("pk", flat=True)[:MAX_CUSTOMERS])
    return Q(**{f"{prefix}customer__in": ids})


def build_refund_condition(text: str) -> Q:
    """Return the condition of the refunds that a text means: by their own amount or receipt, or by
    the number or customer of their order.
    """
    text = text.strip()
    amount = read_searched_amount(text)
    if amount is not None:
        return match_amount(amount)
    orders = Order.objects.filter(build_order_condition(text))
    condition = Q(order__in=list(orders.values_list("pk", flat=True)[:MAX_ORDERS]))
    if DIGITS.fullmatch(text):
        registers = list(Register.objects.values_list("pk", flat=True))
        condition |= Q(receipt_number=int(text), register__in=registers)
    return condition
