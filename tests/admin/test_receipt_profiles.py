"""The admin page of receipt profiles."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from orders.models import ReceiptProfile
from tenants.scope import tenant_scope
from tests.support.admin_browser import build_form, read_errors, snapshot_database, submit_form
from tests.support.png import build_png
from tests.support.receipt_profiles import create_profile

pytestmark = [pytest.mark.once, pytest.mark.django_db]
PROFILES = "/admin/orders/receiptprofile/"


@pytest.fixture
def new(store):
    return {
        "store": str(store.pk),
        "legal_name": "Acme Ltd",
        "tax_numbers": "VAT ID: GB1\n22:33: 44\n55",
        "header": "Open daily\n\nExcept Sunday",
        "language": "pl",
        "paper_mm": "58",
    }


def load_versions(shop):
    with tenant_scope(shop):
        return list(ReceiptProfile.objects.order_by("version"))


def upload(data, name="logo.png"):
    return SimpleUploadedFile(name, data, "image/png")


def test_manager_adds_a_profile_with_a_logo(managers_browser, new, shop):
    added = submit_form(managers_browser, f"{PROFILES}add/", **new, new_logo=upload(build_png()))

    assert added["Location"] == PROFILES
    (profile,) = load_versions(shop)
    assert profile.tax_numbers == [
        {"label": "VAT ID", "number": "GB1"},
        {"label": "22:33", "number": "44"},
        {"label": "", "number": "55"},
    ]
    assert profile.header == ["Open daily", "", "Except Sunday"]
    assert (profile.language, profile.paper_mm, bytes(profile.logo)) == ("pl", 58, build_png())
    assert "Acme Ltd" in managers_browser.get(PROFILES).content.decode()


def test_change_creates_the_next_version(managers_browser, store, manager, shop):
    first = create_profile(store, manager)

    changed = submit_form(
        managers_browser, f"{PROFILES}{first.pk}/change/", legal_name="Acme Ltd", footer=None
    )

    assert changed.status_code == 302
    old, new = load_versions(shop)
    assert (old.pk, old.hash) == (first.pk, first.hash)
    assert (new.version, new.legal_name, new.footer) == (2, "Acme Ltd", [])
    kept = ("address", "tax_numbers", "header", "return_policy", "language", "paper_mm")
    assert [getattr(new, name) for name in kept] == [getattr(old, name) for name in kept]
    assert bytes(new.logo) == build_png()


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("", "12:34"),
        ("", "12: 34"),
        ("", "12:"),
        ("", ": 12"),
        ("VAT", "a: b"),
        ("VAT:", "1"),
        ("22:33", "44"),
    ],
)
def test_tax_number_is_kept_when_the_form_is_saved(
    managers_browser, store, manager, shop, label, number
):
    tax_numbers = [{"label": label, "number": number}]
    first = create_profile(store, manager, tax_numbers=tax_numbers)

    submit_form(managers_browser, f"{PROFILES}{first.pk}/change/", legal_name="Acme Ltd")

    assert load_versions(shop)[-1].legal_name == "Acme Ltd"
    assert load_versions(shop)[-1].tax_numbers == tax_numbers


def test_logo_is_removed_and_replaced(managers_browser, store, manager, shop):
    first = create_profile(store, manager)

    submit_form(managers_browser, f"{PROFILES}{first.pk}/change/", keep_logo=None)
    _, second = load_versions(shop)
    assert second.logo is None
    other = build_png(3, 3)
    submit_form(managers_browser, f"{PROFILES}{second.pk}/change/", new_logo=upload(other))
    assert bytes(load_versions(shop)[-1].logo) == other


def test_earlier_version_is_read_only(managers_browser, store, manager):
    first = create_profile(store, manager)
    create_profile(store, manager, legal_name="Other")
    url = f"{PROFILES}{first.pk}/change/"
    before = snapshot_database(ReceiptProfile)

    page = managers_browser.get(url)
    refused = managers_browser.post(url, {"legal_name": "Changed"})

    assert (page.status_code, refused.status_code) == (200, 403)
    assert first.legal_name in page.content.decode()
    assert snapshot_database(ReceiptProfile) == before


def test_change_of_a_version_that_was_replaced_meanwhile_is_refused(
    managers_browser, store, manager
):
    first = create_profile(store, manager)
    url = f"{PROFILES}{first.pk}/change/"
    form = build_form(managers_browser.get(url), legal_name="Mine")
    create_profile(store, manager, legal_name="Theirs")
    before = snapshot_database(ReceiptProfile)

    assert managers_browser.post(url, form).status_code == 403
    assert snapshot_database(ReceiptProfile) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"legal_name": "x" * 201}, "at most 200 characters"),
        ({"header": "\n".join("x" * 11)}, "no more than 10 elements"),
        ({"footer": "x" * 101}, "100 characters"),
        ({"tax_numbers": "VAT ID:"}, "may not be blank"),
        ({"paper_mm": "70"}, "Select a valid choice"),
        ({"new_logo": upload(b"GIF89a", "logo.gif")}, "Must be a PNG image of at most 1024 x 1024"),
        ({"new_logo": upload(bytes(200 * 1024 + 1))}, "At most 200 KB."),
    ],
)
def test_invalid_profile_is_refused(managers_browser, new, changes, words):
    before = snapshot_database(ReceiptProfile)

    refused = submit_form(managers_browser, f"{PROFILES}add/", **new | changes)

    assert words in read_errors(refused)
    assert snapshot_database(ReceiptProfile) == before
