"""Domain exceptions of catalog, sales, payments, shifts, refunds and offline sales."""

from tenants.exceptions import (
    AlreadyExists,
    Conflict,
    DomainError,
    FieldError,
    Invalid,
    NotFound,
    NotInstalled,
    NotPermitted,
    TooLarge,
    Unavailable,
)


class Expired(Conflict):
    """`action` and `object` are those of the approval that allows the sale.

    With `amount`, the order is above the limits of discounts or returned goods too, and the
    approval covers all.
    """

    code = "expired"
    message = "{name} expired on {expires_on}. Remove it, or let a manager approve the sale."


class OrderNotOpen(Conflict):
    code = "order_not_open"
    message = "Order {number} is {order_status}. Only open orders can be changed or paid."


class ReceiptProfileChanged(Conflict):
    """`current` is the id of the current version, or null."""

    code = "receipt_profile_changed"
    message = "The receipt profile has a newer version. Load it, then enter the change again."


class FiscalTextsWritten(Conflict):
    code = "fiscal_texts_written"
    message = "The receipt already has fiscal texts. They can be written only once."


class ReceiptPrinted(Conflict):
    code = "receipt_printed"
    message = (
        "The receipt was already printed or mailed. Write fiscal texts before the first print and "
        "before a mail is requested."
    )


class IllegalTransition(Conflict):
    code = "illegal_transition"
    message = "Order {number} is {from_status} and cannot become {to_status}."


class OrderBeingPaid(Conflict):
    """A payment is pending or unknown, so that the order must not change."""

    code = "order_being_paid"
    message = "A payment of order {number} is in progress. Wait for its outcome, then try again."


class OrderIsPaid(Conflict):
    code = "order_is_paid"
    message = "Order {number} has payments of {paid}. Cancel them first."


class PaidMoreThanTotal(Conflict):
    code = "paid_more_than_total"
    message = (
        "The new total {total} of order {number} is less than the {paid} already paid. "
        "Cancel a payment first."
    )


class TooManyLines(Conflict):
    code = "too_many_lines"
    message = "Order {number} already has the maximum of {maximum} lines."


class DepositLine(Conflict):
    code = "deposit_line"
    message = "{name} is the deposit of another line. Change or remove that line instead."


class OrderStillDue(Conflict):
    code = "order_still_due"
    message = "Order {number} is not fully paid. {due} is due."


class NoReceipt(Conflict):
    code = "no_receipt"
    message = "Order {number} has no receipt because it is not completed."


class InsufficientStock(Conflict):
    """`short` lists the products that are short: product, sku, wanted, available."""

    code = "insufficient_stock"
    message = "Not enough stock. `short` lists the products and the quantities available."


class StockExists(Conflict):
    code = "stock_exists"
    message = "{name} already has a stock in {store}. Correct it on the page of the stock level."


class StockCountNotOpen(Conflict):
    code = "stock_count_not_open"
    message = "The stock count {name} is {count_status}. Start another one to count again."


class StockTransferNotInState(Conflict):
    code = "stock_transfer_not_in_state"
    message = "This is not possible while the transfer is {transfer_status}."


class StockTransferEmpty(Conflict):
    code = "stock_transfer_empty"
    message = "The transfer has no products. Add one before sending it."


class PaymentExceedsDue(Conflict):
    code = "payment_exceeds_due"
    message = "The payment exceeds the amount due, {due}."


class DueToCustomer(Conflict):
    """`due` is negative; `payable` is it in cash, rounded to coins."""

    code = "due_to_customer"
    message = (
        "{due} is due, which the shop pays. "
        "Send one payment of {payable} in cash, or of {due} as store credit."
    )


class OrderEmpty(Conflict):
    code = "order_empty"
    message = "Order {number} has no lines. Add a line first."


class NotPayableInCash(Conflict):
    """Cash amounts and cash tendered must be payable in coins, unless the amount is the rest."""

    code = "not_payable_in_cash"
    message = "Coins cannot pay this amount. Pay {payable}, or a smaller amount in whole coins."


class NoCardReader(Conflict):
    """The register has no reader that can charge cards. Nothing was charged or stored."""

    code = "no_card_reader"
    message = (
        "No card reader is connected to this register. "
        'Charge the card with a stand-alone reader and send "entry": "external".'
    )


class NoRefundReader(NoCardReader):
    """The reader that charged the card cannot refund it now. Nothing was refunded or stored."""

    code = "no_card_reader"
    message = (
        "No active card reader can refund this card. "
        "Activate the reader that charged it, or choose another refund method."
    )


class ProviderUnavailable(Unavailable):
    code = "provider_unavailable"
    message = "The payment provider did not answer. Try again in a moment."


class InvalidSignature(DomainError):
    code = "invalid_signature"
    message = "The signature of the event is not valid."


class ReaderBusy(Conflict):
    """Nothing was charged, refunded or stored.

    `payment` or `refund` is what is at the reader; neither if it is in the same request.
    """

    code = "reader_busy"
    message = (
        "{reader} is processing another card. "
        "Wait for its outcome, or cancel that payment or refund."
    )


class RegisterHasReader(Conflict):
    code = "register_has_reader"
    message = "{register} already has an active card reader. Deactivate it first."


class ReaderAtOtherRegister(Conflict):
    code = "reader_at_other_register"
    message = "This card reader is active at {register}. Deactivate it there first."


class PaymentUnderway(Conflict):
    code = "payment_underway"
    message = "The gateway is processing this payment. Try again in a moment."


class PaymentSettled(Conflict):
    code = "payment_settled"
    message = "This payment is {payment_status}. Only pending and unknown payments can be resolved."


class PaymentNotCancelable(PaymentSettled):
    """Its outcome is final, or the gateway did not return what was captured."""

    code = "payment_settled"
    message = "This payment is {payment_status} and cannot be canceled. Load the order again."


class OrderNotCancelable(IllegalTransition):
    """Payments are canceled only until the order is completed."""

    code = "illegal_transition"
    message = (
        "Payments of order {number} cannot be canceled because it is {from_status}. "
        "Refund the order instead."
    )


class AmountTooLarge(DomainError):
    code = "amount_too_large"
    message = "The amount exceeds the maximum. Split the sale into several orders."


class BarcodeTaken(Conflict):
    code = "barcode_taken"
    message = "Barcode {barcode} belongs to another product."


class PluTaken(Conflict):
    """`plu` is the number without leading zeros."""

    code = "plu_taken"
    message = "Another product has the PLU {plu}. Choose another PLU."


class SkuTaken(Conflict):
    code = "sku_taken"
    message = "Another product has this SKU. Choose another SKU."


class OptionsTaken(Conflict):
    code = "options_taken"
    message = "Another variant of the product has these options. Choose other ones."


class CurrencyChanged(Conflict):
    code = "currency_changed"
    message = "The currency of the shop has changed. Load the prices again, then retry."


class NoOpenShift(Conflict):
    code = "no_open_shift"
    message = "No shift is open at {register}. Open a shift first."


class NoCurrentShift(NotFound):
    """No open shift. `suggested_float` is the cash that was last counted at the register."""

    code = "no_current_shift"
    message = "No shift is open at {register}."


class ShiftAlreadyOpen(Conflict):
    code = "shift_already_open"
    message = "A shift is already open at {register}. Close it first."


class NoRefundReceipt(Conflict):
    code = "no_receipt"
    message = "This refund has no receipt because it is {refund_status}."


class PdfUnavailable(NotInstalled):
    code = "pdf_unavailable"
    message = (
        "This server cannot create PDF files. Its operator can install what is missing: "
        "apt install libpango-1.0-0 libpangoft2-1.0-0, and pip install weasyprint."
    )


class ShiftNotInState(Conflict):
    code = "shift_not_in_state"
    message = "This is not possible while the shift is {shift_status}."


class PaymentsUnclear(Conflict):
    """`payments` lists the payments and payouts whose outcome is unknown."""

    code = "payments_unclear"
    message = "Some payments or refunds have an unknown outcome. Resolve them first."


class DrawerShort(Conflict):
    """Does not say the expected amount, so that the count stays blind."""

    code = "drawer_short"
    message = "The drawer does not hold that much cash."


class CountBeyondTolerance(NotPermitted):
    """Does not say the difference, so that the count stays blind."""

    code = "count_beyond_tolerance"
    message = "The count differs by more than you may accept. Count again, or ask a manager."


class InvalidRows(Invalid):
    """Invalid rows in an import, each with its number. Nothing was imported."""

    code = "invalid_rows"
    message = "Some rows are invalid, so nothing was imported. Correct them and try again."


class CatalogChanged(Conflict):
    code = "catalog_changed"
    message = "The catalog was changed during the import. Import the file again."


class NothingLeftToRefund(Conflict):
    code = "nothing_left_to_refund"
    message = "Nothing is left to refund of order {number}. Returned goods are never refunded."


class RefundExceedsPaid(Conflict):
    code = "refund_exceeds_paid"
    message = "Only {left} of order {number} can still be refunded."


class RefundSettled(Conflict):
    code = "refund_settled"
    message = "This refund is {refund_status}. Only pending refunds can be resolved or canceled."


class RefundNotAtReader(Conflict):
    """A refund can be canceled only until its card was presented."""

    code = "refund_not_at_reader"
    message = "No card reader waits for this refund. Look up its outcome instead."


class RefundUnderway(Conflict):
    code = "refund_underway"
    message = "The gateway is processing this refund. Try again in a moment."


class PayoutDeclined(Conflict):
    """`payouts` lists the declined payouts. The rest of the refund is paid out."""

    code = "payout_declined"
    message = "{declined} was declined by the card. Choose another refund method."


class CardChargedElsewhere(Conflict):
    """`payments` were taken offline; `methods` lists the refund methods to choose from."""

    code = "card_not_ours"
    message = "The gateway did not charge this card and cannot refund it. Choose another method."


class InsufficientStoreCredit(Conflict):
    """Not enough balance. `balance` is null if there is no such store credit."""

    code = "insufficient_store_credit"
    message = "The balance of store credit {reference} is too low."


class CustomerIsErased(Conflict):
    code = "customer_erased"
    message = "The personal data of this customer was erased. Choose another customer."


class UnknownStoreCredit(InsufficientStoreCredit):
    """No store credit has this code. The attempt counts against the rate limit."""

    code = "insufficient_store_credit"
    message = "There is no store credit {reference}. Check the code."


class StoreCreditBlocked(Conflict):
    code = "store_credit_blocked"
    message = "Store credit {reference} is blocked. A manager can unblock it."


class StoreCreditOverLimit(NotPermitted):
    code = "above_refund_limit"
    message = "The amount exceeds your refund limit. Ask somebody with a higher limit to issue it."


class StoreCreditCodeTaken(Conflict):
    code = "store_credit_code_taken"
    message = "Another store credit has this code. Choose another code."


class SequenceJump(Conflict):
    """Nothing was booked. `held` is the highest number among the sales received."""

    code = "sequence_jump"
    message = (
        "`last_sequence` {last_sequence} is more than {max_jump} above {held}. "
        "Send the batch without it."
    )


class BatchTooLarge(TooLarge):
    """Nothing was booked. `max_lines` is the maximum for one request."""

    code = "batch_too_large"
    message = "The batch has {lines} lines; the maximum is {max_lines}. Send it in parts."


class SaleNotBooked(Conflict):
    """A sale of an upload failed with an unexpected error."""

    code = "sale_not_booked"
    message = "The sale could not be booked. Keep it, and inform the operator."


class ExternalIdTaken(AlreadyExists):
    def __init__(self) -> None:
        taken = FieldError("external_id", "unique", "Another order has this external ID.")
        super().__init__(errors=(taken,))


class IdReused(Conflict):
    code = "id_reused"
    message = "The id of the sale or of one of its parts is already used by another sale."


class PricesOverlap(Conflict):
    """`price` is the id of the other price; `index` that of an item of a batch."""

    code = "prices_overlap"
    message = (
        "Another price of this product, list and quantity applies in the same period. End or "
        "withdraw it first, or choose another period."
    )


class NotInEuro(Conflict):
    code = "not_in_euro"
    message = (
        "Booking batches of DATEV are in EUR, but this shop uses {currency}. Export CSV files."
    )


class BookkeepingProfileMissing(Conflict):
    code = "bookkeeping_profile_missing"
    message = "{store} has no bookkeeping profile. Add one with the numbers of the bookkeeper."


class BookkeepingAccountsMissing(Conflict):
    """`missing` has the fields without an account that the month needs."""

    code = "bookkeeping_accounts_missing"
    message = "The bookkeeping profile of {store} lacks: {names}. Enter them, then export again."


class SeveralTaxesPerLine(Conflict):
    code = "several_taxes_per_line"
    message = (
        "Goods with several taxes were sold ({taxes}), which a booking batch cannot contain. "
        "Export CSV files."
    )
