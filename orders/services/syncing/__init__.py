"""Sales that a till made without us and tells us of later: booked, flagged, never refused."""

from orders.services.syncing.batch import Outcome, Result, Upload, upload_sales
from orders.services.syncing.sale import ChargedLine, ChargedPayment, Malformed, OfflineSale

__all__ = [
    "ChargedLine",
    "ChargedPayment",
    "Malformed",
    "OfflineSale",
    "Outcome",
    "Result",
    "Upload",
    "upload_sales",
]
