"""Currencies and their exponents (numbers of decimal places).

Source: ISO 4217, list one (without funds, metals and testing codes).
"""

WITHOUT_MINOR_UNIT = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()
)
IN_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
IN_HUNDREDTHS = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD
    CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
    GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD
    LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG
    """.split()
)
CURRENCIES = WITHOUT_MINOR_UNIT | IN_HUNDREDTHS | IN_THOUSANDTHS


def get_currency_exponent(currency: str) -> int:
    """Return the number of decimal places of an amount: EUR 2, JPY 0, KWD 3."""
    if currency in WITHOUT_MINOR_UNIT:
        return 0
    return 3 if currency in IN_THOUSANDTHS else 2
