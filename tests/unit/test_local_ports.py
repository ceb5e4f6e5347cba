from __future__ import annotations

import os
import socket

import pytest

from laurel.errors import LaurelError
from laurel.local.ports import check_port


def test_a_free_port_passes_and_stays_free() -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]

    check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


def test_a_port_in_use_names_its_holder_and_what_to_set() -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]

        with pytest.raises(LaurelError) as refusal:
            check_port("127.0.0.1", port)

    assert f"port {port} is in use" in str(refusal.value)
    assert f"process {os.getpid()}: " in str(refusal.value)
    assert "LAUREL_PORT=" in str(refusal.value)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(LaurelError, match="look at LAUREL_HOST"):
        check_port("192.0.2.1", 18999)
