"""The share of keys that a canary answers: stable, nested, and as large as it says."""

from __future__ import annotations

import hashlib

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.domain.share import MISSING, SEPARATOR, in_share

KEYS = st.lists(st.text(max_size=12), min_size=1, max_size=30, unique=True)
SHARES = st.floats(min_value=0.001, max_value=0.999)


def frame(keys: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"key": pd.Series(keys, dtype="str")})


@given(keys=KEYS, one=SHARES, other=SHARES, salt=st.text(max_size=5))
def test_a_larger_share_holds_every_key_of_a_smaller_one(
    keys: list[str], one: float, other: float, salt: str
) -> None:
    small, large = sorted([one, other])
    within = in_share(frame(keys), ["key"], share=small, salt=salt)
    assert not (within & ~in_share(frame(keys), ["key"], share=large, salt=salt)).any()


@given(keys=KEYS, share=SHARES, salt=st.text(max_size=5), seed=st.randoms())
def test_the_side_of_a_key_depends_on_the_key_alone(
    keys: list[str], share: float, salt: str, seed: object
) -> None:
    rows = frame(keys).assign(partition="2024-02-27", score=range(len(keys)))
    whole = dict(zip(keys, in_share(rows, ["key"], share=share, salt=salt), strict=True))
    for key in reversed(keys):
        (alone,) = in_share(frame([key]), ["key"], share=share, salt=salt)
        assert alone == whole[key]


@settings(max_examples=20)
@given(share=SHARES, salt=st.text(max_size=5), start=st.integers(0, 10**9))
def test_a_share_is_about_as_large_as_it_says(share: float, salt: str, start: int) -> None:
    rows = pd.DataFrame({"key": range(start, start + 4_000)})
    found = in_share(rows, ["key"], share=share, salt=salt).mean()
    # six standard deviations of 4,000 draws
    assert abs(found - share) < 6 * (share * (1 - share) / 4_000) ** 0.5 + 1e-9


def test_two_salts_deal_the_keys_independently() -> None:
    rows = pd.DataFrame({"key": range(20_000)})
    one, other = (in_share(rows, ["key"], share=0.3, salt=salt) for salt in ("a", "b"))
    assert abs((one & other).mean() - 0.09) < 0.015


def test_what_is_hashed_is_what_the_documents_say() -> None:
    """Recomputed here from docs/shadow.md, type by type."""
    rows = pd.DataFrame(
        {
            "text": pd.Series(["ä", None], dtype="str"),
            "count": pd.Series([7, 8], dtype="int64"),
            "amount": pd.Series([0.1, None], dtype="float64"),
            "fresh": pd.Series([True, False], dtype="boolean"),
            "at": pd.to_datetime(["2024-02-27T10:00:00Z", None]).astype("datetime64[us, UTC]"),
        }
    )
    texts = [
        ["ä", "7", "0.1", "true", "2024-02-27T10:00:00.000000Z"],
        [MISSING, "8", MISSING, "false", MISSING],
    ]
    for place, values in enumerate(texts):
        said = "spring" + "".join(SEPARATOR + value for value in values)
        number = int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "big")
        share = number / 2**64
        for bound, inside in ((min(1.0, share + 1e-9), True), (max(0.0, share - 1e-9), False)):
            found = in_share(rows, list(rows.columns), share=bound, salt="spring")
            assert found[place] == inside
