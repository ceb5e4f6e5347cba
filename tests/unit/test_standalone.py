"""The verifier of exported packages: its own Ed25519, and that it needs nothing but Python."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.runs.proof import standalone
from laurel.runs.proof.standalone import verify_ed25519


def test_the_first_vector_of_rfc_8032_holds() -> None:
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert verify_ed25519(public, b"", signature)
    assert not verify_ed25519(public, b"x", signature)


@settings(max_examples=10, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=60), bit=st.integers(0))
def test_it_agrees_with_the_cryptography_package_and_sees_every_flipped_bit(
    seed: bytes, message: bytes, bit: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(message)
    assert verify_ed25519(public, message, signature)
    spot = bit % (8 * len(signature))
    flipped = bytearray(signature)
    flipped[spot // 8] ^= 1 << spot % 8
    assert not verify_ed25519(public, message, bytes(flipped))


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse(Path(standalone.__file__).read_bytes())
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= set(sys.stdlib_module_names)
