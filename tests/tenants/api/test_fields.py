import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.api.fields import (
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictDateField,
    StrictDateTimeField,
    StrictEmailField,
    StrictIntegerField,
    StrictUUIDField,
)
from tests.support.fields import field_error_code, validate_field

ID = "0190b1a2-7b3c-7def-8abc-0123456789ab"


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["a", " padded ", "  ", "Käse", "🧀", "x" * 20, "<b>", "a%b_c\\"])
def test_text_is_kept_unchanged(data):
    assert validate_field(StrictCharField(max_length=20), data) == data


@pytest.mark.parametrize("data", [123, 1.5, True, False, [], {}, ["c1"], {"a": 1}, Decimal(1)])
def test_other_types_are_not_converted_to_text(data):
    assert field_error_code(StrictCharField(max_length=20), data) == "invalid"  # attack 15


def test_lists_are_not_converted_to_text_for_the_blank_check():
    class Unprintable(list):
        def __str__(self):
            raise AssertionError("converted to text")

    assert (
        field_error_code(StrictCharField(max_length=20, trim_whitespace=True), Unprintable())
        == "invalid"
    )


@pytest.mark.parametrize(
    "data",
    [
        *("a\0", "\x1b[2J", "a\nb", "a\tb", "a\r", "\x7f", "\x85", "\u2028", "\ud800", "a\udc00b"),
        *("\ufffe", "a\uffff"),
    ],
    ids=ascii,
)
def test_control_characters_are_rejected(data):
    # attacks 14 and 84
    assert field_error_code(StrictCharField(max_length=20), data) in {"control_character"}


def test_multiline_text_allows_only_line_breaks_and_tabs():
    field = StrictCharField(max_length=20, multiline=True)

    assert validate_field(field, "a\r\nb\n\tc") == "a\nb\n\tc"
    assert field_error_code(field, "a\0") == "control_character"
    assert field_error_code(field, "a\x1b") == "control_character"
    assert field_error_code(field, "a\rb") == "control_character"
    assert field_error_code(field, "a\uffff") == "control_character"


def test_text_is_normalized_to_nfc():
    field = StrictCharField(max_length=4)

    assert validate_field(field, "Ka\u0308se") == "K\u00e4se"  # attack 113
    assert validate_field(StrictCharField(max_length=9, normalize=False), "a\u0308") == "a\u0308"


@pytest.mark.parametrize("data", ["x" * 21, "x" * 1_000_000, "a\u0301" * 500_000])
def test_text_above_the_maximum_length_is_rejected(data):
    assert field_error_code(StrictCharField(max_length=20), data) == "max_length"


def test_blanks_count_as_blank_only_if_trimmed():
    assert field_error_code(StrictCharField(max_length=5), "") == "blank"
    assert validate_field(StrictCharField(max_length=5), " ") == " "
    assert field_error_code(StrictCharField(max_length=5, trim_whitespace=True), "  ") == "blank"
    assert validate_field(StrictCharField(max_length=5, trim_whitespace=True), " a ") == "a"
    assert validate_field(StrictCharField(max_length=5, allow_blank=True), "") == ""


@pytest.mark.parametrize(
    ("data", "address"),
    [
        ("Ann@Example.ORG", "Ann@example.org"),
        ("a.b+c@till.example", "a.b+c@till.example"),
        ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("ann@例え。テスト", "ann@xn--r8jz45g.xn--zckzah"),
        (f"{'a' * 64}@b.co", f"{'a' * 64}@b.co"),
    ],
)
def test_email_domain_is_lowercase_ascii(data, address):
    assert validate_field(StrictEmailField(), data) == address


@pytest.mark.parametrize("local", ["jürgen", "ju\u0308rgen", "用户", "o.ß"])
def test_non_ascii_local_part_needs_smtputf8(local, settings):
    assert field_error_code(StrictEmailField(), f"{local}@b.co") == "smtputf8_unavailable"

    settings.EMAIL_SMTPUTF8 = True
    assert validate_field(StrictEmailField(), f"{local}@B.co") == (
        f"{unicodedata.normalize('NFC', local)}@b.co"
    )
    assert field_error_code(StrictEmailField(), f"{local}@localhost") == "invalid"
    for sign in ("\u00a0", "\u2028", "\u200b"):
        assert field_error_code(StrictEmailField(), f"{local}{sign}@b.co") in {
            "invalid",
            "control_character",
        }


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("a@b.co\n", "control_character"),
        ("a@b.co\r\nBcc: x@y.zz", "control_character"),
        ('"><script>@b.co', "invalid"),
        ("a@b", "invalid"),
        ("root@localhost", "invalid"),
        ("a@[127.0.0.1]", "invalid"),
        ("a@[IPv6:::1]", "invalid"),
        ("a@127.0.0.1", "invalid"),
        ("a@b.co.", "invalid"),
        ("a@.b.co", "invalid"),
        ("a@-b.co", "invalid"),
        ("a@b..co", "invalid"),
        ("a@b_c.de", "invalid"),
        ("a..b@c.de", "invalid"),
        (".a@c.de", "invalid"),
        ('"a b"@c.de', "invalid"),
        ("a@straße.de", "invalid"),
        ("jürgen@localhost", "invalid"),
        (f"{'a' * 65}@b.co", "invalid"),
        (f"a@{'ü' * 60}.de", "invalid"),
        ("a b@c.de", "invalid"),
        (" a@b.co", "invalid"),
        ("@b.co", "invalid"),
        ("a@b.co,c@d.ee", "invalid"),
        ("a" * 10_000 + "@b.co", "max_length"),
        (["a@b.co"], "invalid"),
        (7, "invalid"),
    ],
    ids=lambda value: f"attack-84-{str(value)[:20]!r}",
)
def test_invalid_email_is_rejected(data, code):
    assert field_error_code(StrictEmailField(), data) == code


@pytest.mark.parametrize(
    "data", ["Admin", "ADMIN ", 1, ["admin"], {"a": 1}, "superuser", "", True, 1.0, ["a"] * 9]
)
def test_choice_must_match_exactly(data):
    field = StrictChoiceField(choices=[("admin", "Admin"), ("1", "One"), ("True", "T")])

    assert field_error_code(field, data) == "invalid_choice"  # attack 81
    assert validate_field(field, "admin") == "admin"


def test_blank_choice_is_accepted_if_allowed():
    assert validate_field(StrictChoiceField(choices=["a"], allow_blank=True), "") == ""


# --- booleans, integers, ids and times ---------------------------------------------------------


def test_booleans_are_accepted():
    assert validate_field(StrictBooleanField(), True) is True
    assert validate_field(StrictBooleanField(), False) is False


@pytest.mark.parametrize("data", ["true", "false", "yes", "", 1, 0, 1.0, "on", [], {}, [True]])
def test_other_values_are_not_booleans(data):
    assert field_error_code(StrictBooleanField(), data) == "invalid"


@pytest.mark.parametrize("data", [0, 7, -7, 2**31 - 1])
def test_integers_are_accepted(data):
    assert validate_field(StrictIntegerField(), data) == data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("7", "invalid"),
        (7.0, "invalid"),
        (Decimal(7), "invalid"),
        (True, "invalid"),
        ([], "invalid"),
        (2**31, "max_value"),
        (-(2**31), "min_value"),
        (10**30, "max_value"),
    ],
)
def test_other_values_are_not_integers(data, code):
    assert field_error_code(StrictIntegerField(), data) == code


def test_uuid_of_36_characters_is_accepted():
    assert str(validate_field(StrictUUIDField(), ID.upper())) == ID
    assert StrictUUIDField().to_representation(validate_field(StrictUUIDField(), ID)) == ID


@pytest.mark.parametrize(
    "data",
    [
        *(ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", f" {ID}", f"{ID}\n", ID[:-1]),
        *(ID[:-1] + "g", "1", "1\0", "", "' OR 1=1--", "\u0661" * 36),
        *(1, True, 10**30, 1.5, {"id": 1}, [ID]),
    ],
    ids=lambda data: f"attack-107-{ascii(data)[:20]}",
)
def test_other_values_are_not_uuids(data):
    assert field_error_code(StrictUUIDField(), data) == "invalid"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("2026-01-31T18:30:00Z", "2026-01-31T18:30:00Z"),
        ("2026-01-31T18:30:00.000Z", "2026-01-31T18:30:00Z"),
        ("2026-01-31t18:30:00.5z", "2026-01-31T18:30:00.500000Z"),
        ("2026-01-31T18:30:00.123456789Z", "2026-01-31T18:30:00.123456Z"),
        ("2026-01-31T18:30:00+05:30", "2026-01-31T13:00:00Z"),
        ("2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z"),
    ],
)
def test_time_with_any_offset_is_shown_in_utc(data, text):
    field = StrictDateTimeField()

    moment = validate_field(field, data)

    assert moment.utcoffset() == timedelta(0)
    assert field.to_representation(moment) == text


def test_time_in_any_zone_is_shown_in_utc():
    moment = datetime(2026, 1, 31, 18, 30, tzinfo=timezone(timedelta(hours=1)))

    assert StrictDateTimeField().to_representation(moment) == "2026-01-31T17:30:00Z"


@pytest.mark.parametrize(
    "data",
    [
        *("2026-01-31T18:30:00", "2026-01-31", "now", "", "18:30", "1769884200"),
        *("2026-02-30T00:00:00Z", "2026-01-31T24:00:01Z", "2026-01-31T18:30:00+25:00"),
        *("2026-01-31 18:30:00Z", "2026-W05-6T18:30:00Z", "20260131T183000Z"),
        *("2026-01-31T18:30:00Z\n", "202\u0666-01-31T18:30:00Z"),
        *("0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"),
        *(1769884200, True, [], {}, 1.5),
    ],
)
def test_other_values_are_not_times(data):
    assert field_error_code(StrictDateTimeField(), data) == "invalid"


@pytest.mark.parametrize("data", ["1899-12-31T23:59:59Z", "3000-01-01T00:00:00Z"])
def test_time_out_of_range_is_rejected(data):
    assert field_error_code(StrictDateTimeField(), data) == "out_of_range"


@given(
    st.datetimes(
        datetime.fromisoformat("1900-01-01"),
        datetime.fromisoformat("2999-12-31"),
        timezones=st.just(UTC),
    )
)
def test_shown_time_can_be_sent_back(moment):
    field = StrictDateTimeField()

    assert validate_field(field, field.to_representation(moment)) == moment


# --- dates -------------------------------------------------------------------------------------


def test_calendar_date_is_accepted():
    assert validate_field(StrictDateField(), "2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "data", ["20280229", "2028-W09-2", "2027-02-29", "2028-2-29", "٢٠٢٨-02-29", "", " ", 20280229]
)
def test_other_date_formats_are_rejected(data):
    assert field_error_code(StrictDateField(), data) == "invalid"


@pytest.mark.parametrize("data", ["0001-01-01", "9999-12-31"])
def test_date_out_of_range_is_rejected(data):
    assert field_error_code(StrictDateField(), data) == "out_of_range"
