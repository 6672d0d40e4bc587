"""Global Trade Item Numbers (GTIN): one key for all spellings of a number.

Source: GS1 General Specifications, check digits of GTINs and UPC-E zero suppression.
"""

import re

KEY_LENGTH = 14
GTIN = re.compile(r"[0-9]{8}|[0-9]{12,14}")
UPC_E_LENGTH = 8


def build_key(code: str) -> str:
    """Return the 14 digits of a GTIN, and any other code as it is.

    A code whose check digit is wrong is not a GTIN. The indicator of a GTIN-14 stays, because a
    case is not the product inside it.
    """
    if not GTIN.fullmatch(code):
        return code
    if len(code) == UPC_E_LENGTH and (upc_a := expand_upc_e(code)):
        return upc_a.zfill(KEY_LENGTH)
    return code.zfill(KEY_LENGTH) if has_right_check_digit(code) else code


def has_right_check_digit(code: str) -> bool:
    """Return whether the sum of the digits, weighted 1 and 3 from the right, ends in 0."""
    odd, even = code[::-2], code[-2::-2]
    return (sum(map(int, odd)) + 3 * sum(map(int, even))) % 10 == 0


def expand_upc_e(code: str) -> str | None:
    """Return the UPC-A number of the 8 digits of a UPC-E symbol, or None.

    None also if UPC-E would write that number with other digits, so that each number has only one
    UPC-E spelling.
    """
    first, digits, last, check_digit = code[0], code[1:6], code[6], code[7]
    if first != "0":
        return None
    if last in "012":
        body = f"{digits[:2]}{last}0000{digits[2:]}"
    elif last == "3":
        body = f"{digits[:3]}00000{digits[3:]}"
    elif last == "4":
        body = f"{digits[:4]}00000{digits[4:]}"
    else:
        body = f"{digits}0000{last}"
    upc_a = f"{first}{body}{check_digit}"
    return upc_a if has_right_check_digit(upc_a) and compress_upc_a(upc_a) == code else None


def compress_upc_a(code: str) -> str | None:
    """Return the 8 digits of the UPC-E symbol of a UPC-A number, or None if it has none."""
    company, item = code[1:6], code[6:11]
    if code[0] != "0":
        return None
    if company[2] in "012" and company[3:] == "00" and item[:2] == "00":
        digits = f"{company[:2]}{item[2:]}{company[2]}"
    elif company[3:] == "00" and item[:3] == "000":
        digits = f"{company[:3]}{item[3:]}3"
    elif company[4] == "0" and item[:4] == "0000":
        digits = f"{company[:4]}{item[4]}4"
    elif company[4] != "0" and item[:4] == "0000" and item[4] >= "5":
        digits = f"{company}{item[4]}"
    else:
        return None
    return f"0{digits}{code[11]}"
