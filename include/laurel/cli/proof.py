"""``laurel audit verify|heads|key|sign|export``: prove what the records say, and vouch for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from laurel.cli.audit import app

Name = Annotated[str, typer.Argument(help="The use case.")]


@app.command("verify")
def verify(
    usecase: Name,
    trusted: Annotated[
        Path | None, typer.Option(help="Heads kept outside the store, by laurel audit heads.")
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option(help="A public key whose signatures are trusted.")
    ] = None,
    sample: Annotated[
        float, typer.Option(min=0, max=1, help="The share of the objects whose bytes are read.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
) -> None:
    """Prove journals, decisions, predictions, runs and bytes from the store and git alone.

    Says up to which entry each journal is proved. Ends with exit code 1 when anything is wrong.
    """
    from laurel.adapters.signing import fingerprint, read_public
    from laurel.domain.canonical import canonical_json
    from laurel.runs.proof.verify import verify
    from laurel.runs.site import open_site

    publics = [read_public(file) for file in key or ()]
    proof = verify(
        open_site(),
        usecase,
        trusted=_trusted(trusted) if trusted else None,
        keys={fingerprint(public): public for public in publics},
        hashed=sample,
    )
    if as_json:
        typer.echo(canonical_json(proof.document()))
    else:
        typer.echo(proof.sentence())
        for line in (
            *(chain.sentence() for chain in proof.chains),
            *(f"WRONG  {finding.text()}" for finding in proof.findings),
            *(f"not checked: {remark}" for remark in proof.remarks),
        ):
            typer.echo(line)
    if not proof.sound:
        raise typer.Exit(1)


@app.command("heads")
def heads(usecase: Name) -> None:
    """Print where each journal stands, to be kept outside the store for a later audit verify."""
    from laurel.domain.canonical import canonical_json
    from laurel.runs.proof.journals import heads
    from laurel.runs.site import open_site

    typer.echo(canonical_json(heads(open_site(), usecase)))


def _trusted(file: Path) -> dict[str, tuple[int, str]]:
    from laurel.adapters.documents import read_json
    from laurel.errors import ConfigError

    found = read_json(file)
    try:
        return {prefix: (int(number), str(digest)) for prefix, (number, digest) in found.items()}
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "these are no heads of journals",
            found=str(file),
            expected="what laurel audit heads wrote: a number and a digest by journal",
        ) from error


@app.command("key")
def key(file: Annotated[Path, typer.Argument(help="Where the private key goes.")]) -> None:
    """Make a key pair for laurel audit sign: FILE, for you alone, and FILE.pub for everybody."""
    from laurel.adapters.signing import fingerprint, make_key, read_public

    public = file.with_name(f"{file.name}.pub")
    make_key(file, public)
    typer.echo(f"{public}: key {fingerprint(read_public(public))}")


@app.command("sign")
def sign(
    usecase: Name,
    key: Annotated[Path, typer.Option(help="The private key, by laurel audit key.")],
) -> None:
    """Sign where each journal stands; kept in the store, and printed to be kept outside, too."""
    from laurel.domain.canonical import canonical_json
    from laurel.runs.proof.statement import sign_heads
    from laurel.runs.site import open_site

    typer.echo(canonical_json(sign_heads(open_site(), usecase, key)))


@app.command("export")
def export(
    usecase: Name,
    first: Annotated[str, typer.Option("--from", help="The first as_of and partition.")],
    last: Annotated[str, typer.Option("--to", help="The last as_of and partition.")],
    file: Annotated[Path, typer.Option("--out", help="The zip file to write.")],
) -> None:
    """Write a package that an auditor verifies with Python's standard library alone."""
    from laurel.cli.moment import moment
    from laurel.runs.proof.export import export
    from laurel.runs.site import open_site

    done = export(open_site(), usecase, first=moment(first), last=moment(last), file=file)
    typer.echo(done.sentence())
