"""Factory of bookkeeping profiles, with all accounts of SKR 03."""

from typing import Any

import factory

from orders.models import BookkeepingProfile
from tests.factories.tenants import OwnedFactory, StoreFactory

ACCOUNTS = {
    "cash_account": "1000",
    "card_account": "1361",
    "voucher_account": "1362",
    "store_credit_account": "1710",
    "other_account": "1363",
    "clearing_account": "1590",
    "transfer_account": "1360",
    "paid_in_account": "1890",
    "paid_out_account": "4900",
    "over_short_account": "2300",
    "rounding_account": "2301",
    "credit_issue_account": "4610",
}
REVENUE_ACCOUNTS = [
    {"percent": "19", "account": "8400", "tax_key": ""},
    {"percent": "7", "account": "8300", "tax_key": ""},
    {"percent": None, "account": "8200", "tax_key": ""},
]


class BookkeepingProfileFactory(OwnedFactory):
    class Meta:
        model = BookkeepingProfile

    store = factory.SubFactory(StoreFactory, tenant=factory.SelfAttribute("..tenant"))
    consultant_number = 29098
    client_number = 55003
    chart = "03"
    revenue_accounts = factory.LazyFunction(lambda: [dict(each) for each in REVENUE_ACCOUNTS])

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        return super()._create(model_class, *args, **{**ACCOUNTS, **kwargs})
