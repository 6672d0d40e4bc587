"""Every reason for which the till says no."""

from tenants.exceptions import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    NotInstalled,
    NotPermitted,
    TooLarge,
)


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


class OrderEmpty(Conflict):
    code = "order_empty"
    message = "Order {number} has no lines to pay for. Add a line first."


class NotPayableInCash(Conflict):
    """Of an amount, and of what is handed over: both in coins, or the amount is the rest."""

    code = "not_payable_in_cash"
    message = "Coins cannot pay this amount. Pay {payable}, or a part in whole coins."


class NoCardReader(Conflict):
    """Nothing was charged and nothing written; stand-alone readers work without one."""

    code = "no_card_reader"
    message = (
        "No card reader is configured. "
        'Charge the card at a stand-alone reader and send "entry": "external".'
    )


class PaymentUnderway(Conflict):
    code = "payment_underway"
    message = "The gateway is being asked about this payment at this moment."


class PaymentSettled(Conflict):
    code = "payment_settled"
    message = "This payment is {payment_status}: there is nothing to resolve."


class AmountTooLarge(DomainError):
    code = "amount_too_large"
    message = "This order is too large for one till."


class BarcodeTaken(Conflict):
    code = "barcode_taken"
    message = "Barcode {barcode} is on another product."


class SkuTaken(Conflict):
    code = "sku_taken"
    message = "Another product has this SKU."


class CurrencyChanged(Conflict):
    code = "currency_changed"
    message = "The shop's currency has changed at this moment: read the prices again."


class NoOpenShift(Conflict):
    code = "no_open_shift"
    message = "Open a shift at {register} first."


class NoCurrentShift(NotFound):
    """`suggested_float` is what was last counted there: the float to begin the next one with."""

    code = "no_current_shift"
    message = "No shift is open at {register}."


class ShiftAlreadyOpen(Conflict):
    code = "shift_already_open"
    message = "A shift is open at {register} already."


class NoRefundReceipt(Conflict):
    code = "no_receipt"
    message = "This refund is {refund_status}, so that it has no receipt."


class PdfUnavailable(NotInstalled):
    code = "pdf_unavailable"
    message = (
        "PDF cannot be made on this server. Whoever runs it installs what is missing: "
        "apt install libpango-1.0-0 libpangoft2-1.0-0, and pip install weasyprint."
    )


class ShiftNotInState(Conflict):
    code = "shift_not_in_state"
    message = "This shift is {shift_status}."


class PaymentsUnclear(Conflict):
    """`payments` are those that the gateway has still to answer for; resolve them first."""

    code = "payments_unclear"
    message = "Of some payments nobody knows what became of them."


class DrawerShort(Conflict):
    """Says nothing of how much there should be, so that the count stays blind."""

    code = "drawer_short"
    message = "There should not be so much cash in this drawer."


class CountBeyondTolerance(NotPermitted):
    """Says nothing of how much, so that the count stays blind."""

    code = "count_beyond_tolerance"
    message = "The count differs by more than you may accept: count again, or ask a manager."


class InvalidRows(Invalid):
    """Some rows of a file are wrong, each named with its number; none of the others is written."""

    code = "invalid_rows"
    message = "Some rows are wrong, so that nothing was imported."


class CatalogChanged(Conflict):
    code = "catalog_changed"
    message = "Somebody else changed the catalog at the same moment: import the file again."


class NothingLeftToRefund(Conflict):
    code = "nothing_left_to_refund"
    message = "Of order {number} nothing is left to take back."


class RefundExceedsPaid(Conflict):
    code = "refund_exceeds_paid"
    message = "Of order {number} only {left} is left to give back."


class RefundSettled(Conflict):
    code = "refund_settled"
    message = "This refund is {refund_status}: there is nothing to resolve."


class RefundUnderway(Conflict):
    code = "refund_underway"
    message = "The gateway is being asked about this refund at this moment."


class PayoutDeclined(Conflict):
    """`payouts` are those that no card took; the rest of the refund has gone back."""

    code = "payout_declined"
    message = "{declined} went back to no card: name another method."


class CardChargedElsewhere(Conflict):
    """`payments` were taken by a till without a connection; `methods` are other ways back."""

    code = "card_not_ours"
    message = "This card was charged without our gateway, which cannot give it back: name a method."


class InsufficientStoreCredit(Conflict):
    """`balance` is null where there is no such credit."""

    code = "insufficient_store_credit"
    message = "There is not enough on store credit {reference}."


class UnknownStoreCredit(InsufficientStoreCredit):
    """No store credit has this code: a wrong one, which is counted as a guess."""


class StoreCreditBlocked(Conflict):
    code = "store_credit_blocked"
    message = "Store credit {reference} is blocked. A manager can unblock it."


class StoreCreditOverLimit(NotPermitted):
    code = "above_refund_limit"
    message = "This is above your limit for refunds. Somebody with a higher limit can issue it."


class StoreCreditCodeTaken(Conflict):
    code = "store_credit_code_taken"
    message = "Another store credit has this code."


class SequenceJump(Conflict):
    """Nothing was booked; `held` is the highest number of a sale that has come."""

    code = "sequence_jump"
    message = (
        "The last number {last_sequence} is more than {max_jump} beyond {held}. "
        "Send the batch without it."
    )


class BatchTooLarge(TooLarge):
    """Nothing was booked; `max_lines` fit in one request."""

    code = "batch_too_large"
    message = "The batch has {lines} lines, more than {max_lines}. Send it in parts."


class IdReused(Conflict):
    code = "id_reused"
    message = "This id is that of another sale, or one of its parts has the id of another's."
