"""Verify an exported package of audit records with Python's standard library alone.

In the unpacked folder: python3 verify.py [--heads FILE] [--key FILE.pub ...]. It recomputes every
digest from the bytes in this folder; exit code 1 when anything does not hold.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
Y = 4 * pow(5, -1, P) % P
X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (X, Y, 1, X * Y % P)
Point = tuple[int, int, int, int]
Document = dict[str, Any]
Journals = dict[str, list[Document]]
Noted = tuple[str, int, str, str]  # journal, number and digest of an entry, who noted it


def canonical(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8: the form that digests are made of."""
    plain: Any = {"ensure_ascii": False, "allow_nan": False}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), **plain).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


class Package:
    """The unpacked folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_bytes())
        self.usecase = self.manifest["usecase"]
        self.problems: list[str] = []
        self.wrong = self.problems.append

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; ``None``, and a problem, where it is missing."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            self.wrong(f"{name} is missing")
            return None

    def expect(self, name: str, sha256: str, fault: str) -> None:
        """Note a file whose bytes are others."""
        data = self.read(name)
        if data is not None and hashlib.sha256(data).hexdigest() != sha256:
            self.wrong(f"{name} {fault}")

    def bundle(self, kind: str, run: str) -> bytes | None:
        """The bytes of a bundle; ``None`` for one that is outside the exported range."""
        name = f"records/runs/{self.usecase}/{kind}/{run}/bundle.json"
        return self.read(name) if name in self.manifest["files"] else None

    def names(self, prefix: str) -> list[str]:
        """The files below a prefix, sorted."""
        return sorted(name for name in self.manifest["files"] if name.startswith(prefix))


def check_files(package: Package) -> None:
    """Every file is as the manifest lists it, and none is there besides."""
    for name, expected in package.manifest["files"].items():
        package.expect(name, expected, "is not the file that was exported")
    paths = (path for path in package.folder.rglob("*") if path.is_file())
    there = {path.relative_to(package.folder).as_posix() for path in paths}
    for name in sorted(there - {*package.manifest["files"], "manifest.json"}):
        package.wrong(f"{name} is not in the manifest")


def read_journal(package: Package, prefix: str) -> list[Document]:
    """The entries of a journal, each with the digest of its content and of the one before it."""
    entries: list[Document] = []
    before = GENESIS
    for number, name in enumerate(package.names(f"records/{prefix}/entries/"), start=1):
        if (data := package.read(name)) is None:
            continue
        entry = json.loads(data)
        said = {key: entry[key] for key in ("number", "previous", "body", "nonce")}
        if canonical(entry) != data or digest(said) != entry["digest"]:
            package.wrong(f"{prefix}, entry {number} was changed")
        if entry["number"] != number:
            package.wrong(f"{prefix}, entry {number} stands under another number than its own")
        if entry["previous"] != before:
            package.wrong(f"{prefix}, entry {number} does not follow the one before it")
        before = entry["digest"]
        entries.append(entry)
    return entries


def check_heads(package: Package, journals: Journals, noted: list[Noted]) -> None:
    """Every head that somebody noted is there; prints up to which entry each journal is proved."""
    proved: dict[str, tuple[int, str]] = {}
    for prefix, number, head, by in sorted(each for each in noted if each[1]):
        entries = journals.get(prefix, [])
        if number > len(entries):
            package.wrong(f"{prefix}: entries {len(entries) + 1} to {number} are gone, says {by}")
        elif entries[number - 1]["digest"] != head:
            package.wrong(f"{prefix}: entry {number} or one before it is not the one that {by} saw")
        else:
            proved[prefix] = (number, by)
    for prefix, entries in sorted(journals.items()):
        number, by = proved.get(prefix, (0, "nobody"))
        print(f"{prefix}: {len(entries)} entries, proved up to entry {number} by {by}")  # noqa: T201


def noted_heads(journals: Journals) -> Iterator[Noted]:
    """The heads of journals that entries of other journals have noted."""
    for name, entries in journals.items():
        for entry in entries:
            for prefix, (number, head) in entry["body"].get("heads", {}).items():
                yield prefix, number, head, f"entry {entry['number']} of {name}"


def check_decisions(package: Package, ledger: list[Document]) -> int:
    """Each decision in the range against its bundle, its window and its evidence."""
    count = 0
    for entry in ledger:
        body = entry["body"]
        if (data := package.bundle("train", str(body.get("run")))) is None:
            continue
        place = f"ledger entry {entry['number']} ({body['event']} {body.get('model_version')})"
        if hashlib.sha256(data).hexdigest() != body["bundle"]:
            package.wrong(f"{place}: its bundle is not the one that it names")
        check_bundle(package, place, body, json.loads(data))
        count += 1
    return count


def check_bundle(package: Package, place: str, body: Document, bundle: Document) -> None:
    """What a training's bundle claims, against the entry, its window and the evidence's bytes."""
    ended = body.get("concluded")  # decided after a probation, by what that showed
    judged = json.loads(package.bundle("probation", ended["run"]) or b"{}") if ended else bundle
    verdict = judged.get("verdict", {})
    for name, key in (("evidence", "evidence"), ("policy", "policy"), ("verdict", "outcome")):
        if body.get(name) != verdict.get(key):
            package.wrong(f"{place}: its {name} is not that of the bundle")
    window = json.loads(bundle["files"][f"data/{package.usecase}/window.json"])
    if digest(window) != bundle["inputs"]["window"]:
        package.wrong(f"{place}: the window is not the one that the run names")
    if ended:
        shown = judged.get("files", {}).get("evidence.json", "null")
        if (digest(judged), digest(json.loads(shown))) != (ended["bundle"], body.get("evidence")):
            package.wrong(f"{place}: what was shown in shadow is not what was decided on")
        return
    if digest(bundle["parameters"]["gate"]) != body.get("policy"):
        package.wrong(f"{place}: the policy is not the one in the bundle's parameters")
    tree = bundle["outputs"][f"data/{package.usecase}/evidence"]["md5"]
    if (listing := read_object(package, place, tree)) is None:
        return
    files = {line["relpath"]: line["md5"] for line in json.loads(listing)}
    evidence = read_object(package, place, files.get("evidence.json", ""))
    if evidence is not None and digest(json.loads(evidence)) != body.get("evidence"):
        package.wrong(f"{place}: the evidence is not what was decided on")


def read_object(package: Package, place: str, md5: str) -> bytes | None:
    """The bytes of an object whose md5 is its name."""
    data = package.read(f"objects/{md5}")
    found = hashlib.md5(data or b"", usedforsecurity=False).hexdigest()
    if data is not None and found != md5.removesuffix(".dir"):
        package.wrong(f"{place}: object {md5} has the md5 {found}")
        return None
    return data


def check_predictions(package: Package, entries: list[Document]) -> int:
    """Each published revision in the range against what its scoring made."""
    count = 0
    for entry in entries:
        run = entry["body"]["run"]
        if (data := package.bundle("score", run)) is None:
            continue
        made = {output["md5"] for output in json.loads(data)["outputs"].values()}
        for line in entry["body"]["partitions"]:
            count += 1
            if line["md5"] not in made:
                package.wrong(f"predictions {line['partition']}: run {run} did not make them")
    return count


def check_runs(package: Package, entries: list[Document]) -> None:
    """Each file of an exported run against the journal that names what every run left."""
    newest = {(e["body"]["kind"], e["body"]["run"]): e["body"]["files"] for e in entries}
    for (kind, run), files in newest.items():
        folder = f"records/runs/{package.usecase}/{kind}/{run}/"
        for name, expected in files.items() if package.names(folder) else ():
            package.expect(folder + name, expected, "is not what the run left")


def signed_heads(package: Package, keys: dict[str, bytes]) -> Iterator[Noted]:
    """The heads in statements signed by a trusted key."""
    for name in package.names(f"records/signatures/{package.usecase}/"):
        if (data := package.read(name)) is None:
            continue
        statement = json.loads(data)
        signature = bytes.fromhex(statement.pop("signature"))
        key = keys.get(statement["key"])
        if key is None:
            print(f"{name}: signed by the key {statement['key']}, which was not given")  # noqa: T201
        elif not verify_ed25519(key, canonical(statement), signature):
            package.wrong(f"{name}: the signature does not hold")
        else:
            for prefix, (number, head) in statement["heads"].items():
                yield prefix, number, head, f"the signature in {name}"


def read_keys(files: list[str]) -> dict[str, bytes]:
    """Public keys as PEM (RFC 8410), by the first 16 hex digits of their SHA-256."""
    texts = (Path(file).read_text().splitlines() for file in files)
    said = ("".join(line for line in lines if "-----" not in line) for lines in texts)
    keys = (base64.b64decode(text)[-32:] for text in said)
    return {hashlib.sha256(raw).hexdigest()[:16]: raw for raw in keys}


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Verify a signature as RFC 8032, section 5.1.7, says."""
    a, r = _decompress(public), _decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER or len(signature) != 64:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = _multiply(s, BASE), _add(r, _multiply(h, a))
    return all((left[axis] * right[2] - right[axis] * left[2]) % P == 0 for axis in (0, 1))


def _add(one: Point, two: Point) -> Point:
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(factor: int, point: Point) -> Point:
    found = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            found = _add(found, point)
        point = _add(point, point)
        factor >>= 1
    return found


def _decompress(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    if square == 0:
        return None if sign or y >= P else (0, y, 1, 0)
    x = pow(square, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - square) % P else x
    if y >= P or (x * x - square) % P:
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def main(words: list[str] | None = None) -> int:
    """Verify the folder that this file is in, and say what holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--heads", help="heads kept outside the store, as JSON")
    parser.add_argument("--key", action="append", default=[], help="a trusted public key (PEM)")
    given = parser.parse_args(words)
    package = Package(Path(__file__).resolve().parent)
    check_files(package)
    journals = {each: read_journal(package, each) for each in package.manifest["journals"]}
    noted = [*noted_heads(journals), *signed_heads(package, read_keys(given.key))]
    heads = json.loads(Path(given.heads).read_text()) if given.heads else {}
    noted += [(prefix, n, head, "the head you gave") for prefix, (n, head) in heads.items()]
    check_heads(package, journals, noted)
    ledger, catalog = (f"{root}/{package.usecase}" for root in ("ledger", "catalog"))
    decisions = check_decisions(package, journals[ledger])
    predictions = check_predictions(package, journals.get(f"{catalog}/predictions", []))
    check_runs(package, journals.get(f"run_records/{package.usecase}", []))
    for body in (entry["body"] for entry in journals[ledger]):
        said = f"{body['as_of']}  {body['event']} {body.get('model_version')}"
        print(f"  {said} from {body['effective_from']}, by {body['decided_by']}")  # noqa: T201
    print("\n".join(f"WRONG  {problem}" for problem in package.problems))  # noqa: T201
    verdict = "NOT PROVED" if package.problems else "everything in this package holds"
    print(f"{verdict}: {decisions} decisions, {predictions} predictions")  # noqa: T201
    return 1 if package.problems else 0


if __name__ == "__main__":
    sys.exit(main())
