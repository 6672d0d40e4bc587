"""The verbs of the shop."""

from orders.services.basket import (
    Basket,
    WantedDiscount,
    WantedLine,
    cash_rule_of,
    policy_of,
    price_basket,
)
from orders.services.canceling import cancel_payment
from orders.services.catalog import write_product
from orders.services.checking import Difference, note_levels_after, stock_differences
from orders.services.closing import Count, close_shift
from orders.services.credit import (
    block_credit,
    issue_credit,
    issued_codes,
    look_up_credit,
    unblock_credit,
)
from orders.services.drawer import report_of, x_report
from orders.services.editing import (
    Edit,
    NewDiscount,
    add_discount,
    add_line,
    change_line,
    describe_order,
    remove_discount,
    remove_line,
)
from orders.services.exporting import exported_products
from orders.services.gaps import Gap, Gaps, gaps_of
from orders.services.holding import hold_order, resume_order, void_order
from orders.services.importing import ImportReport, import_products
from orders.services.leave import Asked
from orders.services.paying import resolve_payment, take_payment
from orders.services.payouts import OtherWay, resolve_refund
from orders.services.printing import FACES, ensure_drawable, previewed, printed
from orders.services.receipt_mail import email_receipt
from orders.services.receipts import ReceiptContent, receipt_of
from orders.services.refund_receipts import RefundReceipt, refund_receipt_of
from orders.services.refunding import NewRefund, refund_order
from orders.services.registers import find_register
from orders.services.reports import FIGURES, LONGEST_REPORT, GroupBy, Report, sales_report
from orders.services.returning import WantedBack
from orders.services.searching import search_products
from orders.services.selling import NewOrder, sell
from orders.services.shifts import (
    NewCashMovement,
    NewShift,
    end_shift,
    move_cash,
    open_shift,
    suggested_float,
)
from orders.services.stocking import NewMovement, keep_counts_true, move_stock
from orders.services.syncing import (
    ChargedLine,
    ChargedPayment,
    Malformed,
    OfflineSale,
    Outcome,
    Result,
    Upload,
    upload_sales,
)
from orders.services.tender import NewPayment
from orders.services.till_numbers import set_device_sequence
from orders.services.verifying import Finding, chain_findings
from orders.services.z_papers import z_paper_of

__all__ = [
    "FACES",
    "FIGURES",
    "LONGEST_REPORT",
    "Asked",
    "Basket",
    "ChargedLine",
    "ChargedPayment",
    "Count",
    "Difference",
    "Edit",
    "Finding",
    "Gap",
    "Gaps",
    "GroupBy",
    "ImportReport",
    "Malformed",
    "NewCashMovement",
    "NewDiscount",
    "NewMovement",
    "NewOrder",
    "NewPayment",
    "NewRefund",
    "NewShift",
    "OfflineSale",
    "OtherWay",
    "Outcome",
    "ReceiptContent",
    "RefundReceipt",
    "Report",
    "Result",
    "Upload",
    "WantedBack",
    "WantedDiscount",
    "WantedLine",
    "add_discount",
    "add_line",
    "block_credit",
    "cancel_payment",
    "cash_rule_of",
    "chain_findings",
    "change_line",
    "close_shift",
    "describe_order",
    "email_receipt",
    "end_shift",
    "ensure_drawable",
    "exported_products",
    "find_register",
    "gaps_of",
    "hold_order",
    "import_products",
    "issue_credit",
    "issued_codes",
    "keep_counts_true",
    "look_up_credit",
    "move_cash",
    "move_stock",
    "note_levels_after",
    "open_shift",
    "policy_of",
    "previewed",
    "price_basket",
    "printed",
    "receipt_of",
    "refund_order",
    "refund_receipt_of",
    "remove_discount",
    "remove_line",
    "report_of",
    "resolve_payment",
    "resolve_refund",
    "resume_order",
    "sales_report",
    "search_products",
    "sell",
    "set_device_sequence",
    "stock_differences",
    "suggested_float",
    "take_payment",
    "unblock_credit",
    "upload_sales",
    "void_order",
    "write_product",
    "x_report",
    "z_paper_of",
]
