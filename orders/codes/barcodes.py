"""Barcodes as bars: EAN-13, UPC-A, EAN-8, and Code 128 for everything else.

Source: GS1 General Specifications, sections 5.2 (EAN/UPC) and 5.4 (Code 128, ISO/IEC 15417).
"""

from dataclasses import dataclass

from orders.codes.gtin import has_right_check_digit

# Bars and spaces of the ten digits in number set A; set B is its complement reversed, and set C,
# on the right side, its complement.
SET_A = ("0001101 0011001 0010011 0111101 0100011 0110001 0101111 0111011 0110111 0001011").split()
# Number sets of the six digits on the left side of EAN-13, by its first digit.
LEFT_SETS = ("AAAAAA AABABB AABBAB AABBBA ABAABB ABBAAB ABBBAA ABABAB ABABBA ABBABA").split()
GUARD, CENTER = "101", "01010"
COMPLEMENT = str.maketrans("01", "10")
EAN_13, EAN_8, UPC_A = 13, 8, 12
# Widths of bars and spaces of the symbol characters 0 to 106.
CODE_128 = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132
122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212
322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311
112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321
331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214
112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212
124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113
411311 113141 114131 311141 411131 211412 211214 211232 2331112
""".split()
CODE_B, START_B, START_C, STOP = 100, 104, 105, 106
FIRST_CHARACTER, LAST_CHARACTER = " ", "~"
# Digits from which on the pairs of set C are shorter than the digits of set B.
MIN_DIGITS_OF_C = 4
# Empty modules that scanners need on both sides.
QUIET_ZONES = {"EAN-13": (11, 7), "EAN-8": (7, 7), "Code 128": (10, 10)}


@dataclass(frozen=True, slots=True)
class BarcodeSymbol:
    """The bars of a code: `1` for each dark module and `0` for each light one."""

    kind: str
    modules: str
    text: str

    @property
    def quiet_zones(self) -> tuple[int, int]:
        return QUIET_ZONES[self.kind]

    @property
    def width(self) -> int:
        """Return the modules with both quiet zones."""
        return sum(self.quiet_zones) + len(self.modules)


def encode_barcode(code: str) -> BarcodeSymbol | None:
    """Return the symbol of a code, or None for letters that no symbol has.

    A UPC-A number is an EAN-13 number with a zero in front, with the same bars.
    """
    if code.isascii() and code.isdigit() and has_right_check_digit(code):
        if len(code) in {UPC_A, EAN_13}:
            return BarcodeSymbol("EAN-13", _encode_ean_13(code.zfill(EAN_13)), code)
        if len(code) == EAN_8:
            return BarcodeSymbol("EAN-8", _encode_ean_8(code), code)
    if code and all(FIRST_CHARACTER <= letter <= LAST_CHARACTER for letter in code):
        return BarcodeSymbol("Code 128", _encode_code_128(code), code)
    return None


def _encode_ean_13(code: str) -> str:
    sets = LEFT_SETS[int(code[0])]
    left = (
        _encode_left(digit, number_set) for digit, number_set in zip(code[1:7], sets, strict=True)
    )
    return "".join([GUARD, *left, CENTER, *map(_encode_right, code[7:]), GUARD])


def _encode_ean_8(code: str) -> str:
    left = (_encode_left(digit, "A") for digit in code[:4])
    return "".join([GUARD, *left, CENTER, *map(_encode_right, code[4:]), GUARD])


def _encode_left(digit: str, number_set: str) -> str:
    return SET_A[int(digit)] if number_set == "A" else _encode_right(digit)[::-1]


def _encode_right(digit: str) -> str:
    return SET_A[int(digit)].translate(COMPLEMENT)


def _encode_code_128(text: str) -> str:
    values = _list_values(text)
    check = (values[0] + sum(place * value for place, value in enumerate(values))) % 103
    return "".join(_draw_widths(CODE_128[value]) for value in [*values, check, STOP])


def _list_values(text: str) -> list[int]:
    """Return the symbol characters: pairs of digits at the beginning in set C, the rest in B."""
    digits = len(text) - len(text.lstrip("0123456789"))
    paired = digits - digits % 2 if digits >= MIN_DIGITS_OF_C else 0
    pairs = [int(text[place : place + 2]) for place in range(0, paired, 2)]
    letters = [ord(letter) - ord(FIRST_CHARACTER) for letter in text[paired:]]
    if not pairs:
        return [START_B, *letters]
    return [START_C, *pairs, *([CODE_B, *letters] if letters else [])]


def _draw_widths(widths: str) -> str:
    return "".join("10"[place % 2] * int(width) for place, width in enumerate(widths))
