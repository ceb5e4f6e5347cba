"""Suspicions of personal data, from names of columns and from the shapes of values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from laurel.domain.config.column import Personal

SHARE = 0.6
"""Share of the values looked at that must have a shape."""
LOOKED_AT = 200


@dataclass(frozen=True)
class Suspicion:
    """That a column tells of a person, and why one may think so."""

    personal: Personal
    why: str


_NAMES: tuple[tuple[Personal, str], ...] = (
    ("direct", "e?_?mail|mail_address"),
    ("direct", "phone|telephone|tel|mobile|fax|msisdn"),
    ("direct", "(first|last|full|given|family|middle|maiden|user|customer|person)_?name|surname"),
    (
        "direct",
        "ssn|social_security|passport|national_id|tax_id|driving_licen[cs]e|iban|card_number",
    ),
    ("direct", "address|street|house_number"),
    ("indirect", "birth|dob|birthday|age|zip|zip_?code|postal_?code|postcode"),
    ("indirect", "ip|ip_address|mac_address|device_id|imei|cookie|user_?id|customer_?id|person_id"),
    ("indirect", "lat|latitude|lon|lng|longitude|gps|license_plate|tailnum"),
    ("sensitive", "religion|ethnicity|race|health|diagnosis|disease|disability|sexual|gender|sex"),
    ("sensitive", "political|party_membership|union_member|criminal|conviction|biometric|genetic"),
)
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_SHAPES: tuple[tuple[str, Personal, str], ...] = (
    ("e-mail addresses", "direct", r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    (
        "telephone numbers",
        "direct",
        r"(?:\+|00)\d[\d ()/-]{6,17}\d|\(?0\d{1,4}\)?[ /-]\d[\d -]{4,10}",
    ),
    ("internet addresses", "indirect", rf"(?:{_BYTE}\.){{3}}{_BYTE}"),
)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


def suspect(name: str, texts: Sequence[str]) -> Suspicion | None:
    """What a column's name or its values (distinct texts, some of them) make one suspect.

    >>> suspect("CustomerEmail", ()).personal
    'direct'
    >>> suspect("note", ["GB82 WEST 1234 5698 7654 32"]).why
    'values look like bank account numbers (IBAN)'
    >>> suspect("temperature", ["12.5"]) is None
    True
    """
    return _by_shape(texts[:LOOKED_AT]) or _by_name(name)


def is_iban(text: str) -> bool:
    """Whether the check digits of an international bank account number are right.

    >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    plain = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(plain):
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _by_shape(texts: Sequence[str]) -> Suspicion | None:
    if not texts:
        return None
    enough = SHARE * len(texts)
    if sum(map(is_iban, texts)) >= enough:
        return Suspicion("direct", "values look like bank account numbers (IBAN)")
    for what, personal, shape in _SHAPES:
        if sum(bool(re.fullmatch(shape, text)) for text in texts) >= enough:
            return Suspicion(personal, f"values look like {what}")
    return None


def _by_name(name: str) -> Suspicion | None:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W+", "_", name).lower()
    if words == "name":
        return Suspicion("direct", "its name says so")
    for personal, shape in _NAMES:
        if re.search(rf"(?:^|_)(?:{shape})(?:_|$|\d)", words):
            return Suspicion(personal, "its name says so")
    return None
