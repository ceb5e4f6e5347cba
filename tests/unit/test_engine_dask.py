"""Dask without its packages, and TLS that does not fit: said before anything is connected."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from laurel.adapters.engine import open_engine
from laurel.adapters.engine.dask import security
from laurel.domain.config.engine import Dask
from laurel.errors import ConfigError
from laurel.settings import load_settings

ADDRESS = "tls://scheduler:8786"
LIBRARY = SimpleNamespace(Security=lambda **words: words)


def test_packages_that_are_not_installed_are_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ConfigError, match="packages are not installed") as caught,
        open_engine(Dask(), folder=tmp_path, settings=load_settings({})),
    ):
        pass
    assert not caught.value.retryable
    assert "pip install 'laurel[dask]'" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def folder_of(files: tuple[str, ...], folder: Path) -> Path:
    for name in files:
        (folder / f"{name}.pem").write_text(name)
    return folder


@pytest.mark.parametrize(
    ("files", "address", "found"),
    [
        (("ca", "cert"), ADDRESS, "key.pem"),
        ((), ADDRESS, "ca.pem"),
        (("ca", "cert", "key"), "tcp://scheduler:8786", "tcp://scheduler:8786"),
    ],
)
def test_tls_that_does_not_fit_is_refused(
    files: tuple[str, ...], address: str, found: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="LAUREL_DASK_TLS") as caught:
        security(LIBRARY, address, folder_of(files, tmp_path))
    assert found in str(caught.value.found)


def test_tls_is_asked_for_both_ways(tmp_path: Path) -> None:
    folder = folder_of(("ca", "cert", "key"), tmp_path)
    assert security(LIBRARY, ADDRESS, folder) == {
        "require_encryption": True,
        "tls_ca_file": str(folder / "ca.pem"),
        "tls_client_cert": str(folder / "cert.pem"),
        "tls_client_key": str(folder / "key.pem"),
    }
    assert security(LIBRARY, "tcp://scheduler:8786", None) is None


def test_a_secure_scheduler_without_files_is_refused() -> None:
    with pytest.raises(ConfigError, match="LAUREL_DASK_TLS") as caught:
        security(LIBRARY, ADDRESS, None)
    assert ADDRESS in str(caught.value)
