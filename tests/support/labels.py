"""Labels of scales."""


def add_check_digit(digits: str) -> str:
    """Append the check digit of GTINs: weights 3 and 1 from the right."""
    weighted = sum(int(each) * (1 if at % 2 else 3) for at, each in enumerate(reversed(digits)))
    return f"{digits}{-weighted % 10}"
