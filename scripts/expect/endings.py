"""How each recording ends, by hand from reading it. What is not named here is complete."""

ENDINGS: dict[str, str] = {}
