"""Numbers and names, put for people to read."""

__all__ = ["human_nbytes", "printable"]

UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


def human_nbytes(n: int) -> str:
    """A number of bytes in binary units, rounded down to one decimal: "1.5 MiB"."""
    if n < 1024:
        return f"{n} byte{'' if n == 1 else 's'}"
    exponent = (n.bit_length() - 1) // 10
    if exponent > len(UNITS):
        return f"more than 1024 {UNITS[-1]}"
    tenths = n * 10 >> 10 * exponent  # integers: a float would round 1023.99 KiB up to 1024.0 KiB
    return f"{tenths // 10}.{tenths % 10} {UNITS[exponent - 1]}"


def printable(text: str) -> str:
    """`text` on one line, with what a terminal would obey and XML forbids (control characters) escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
