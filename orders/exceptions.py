"""Every reason for which the till says no."""

from tenants.exceptions import Conflict, DomainError


class OrderNotOpen(Conflict):
    code = "order_not_open"
    message = "Order {number} is {order_status}."


class IllegalTransition(Conflict):
    code = "illegal_transition"
    message = "Order {number} is {from_status} and cannot become {to_status}."


class OrderBeingPaid(Conflict):
    """A payment is pending or unknown: what it is for must stay as it is."""

    code = "order_being_paid"
    message = "Order {number} is being paid at this moment."


class OrderIsPaid(Conflict):
    code = "order_is_paid"
    message = "{paid} is paid on order {number}: give that back first."


class PaidMoreThanTotal(Conflict):
    code = "paid_more_than_total"
    message = "{paid} is paid on order {number}; its total cannot be {total}."


class TooManyLines(Conflict):
    code = "too_many_lines"
    message = "Order {number} has {most} lines, and that is all that fit."


class OrderStillDue(Conflict):
    code = "order_still_due"
    message = "Order {number} is not paid: {due} is due."


class NoReceipt(Conflict):
    code = "no_receipt"
    message = "Order {number} is not completed, so that it has no receipt."


class InsufficientStock(Conflict):
    """`short` lists every line that cannot be had: product, sku, wanted, available."""

    code = "insufficient_stock"
    message = "Not enough in stock."


class PaymentExceedsDue(Conflict):
    code = "payment_exceeds_due"
    message = "Only {due} is due."


class PaymentUnderway(Conflict):
    code = "payment_underway"
    message = "The gateway is being asked about this payment at this moment."


class PaymentSettled(Conflict):
    code = "payment_settled"
    message = "This payment is {payment_status}: there is nothing to resolve."


class AmountTooLarge(DomainError):
    code = "amount_too_large"
    message = "This order is too large for one till."


class IdempotencyKeyRequired(DomainError):
    code = "idempotency_key_required"
    message = "Send an id of your own, so that a repeated request does nothing twice."


class BarcodeTaken(Conflict):
    code = "barcode_taken"
    message = "Barcode {barcode} is on another product."


class SkuTaken(Conflict):
    code = "sku_taken"
    message = "Another product has this SKU."


class CurrencyChanged(Conflict):
    code = "currency_changed"
    message = "The shop's currency has changed at this moment: read the prices again."
