# SPDX-License-Identifier: Apache-2.0
"""The notary in the terminal: `maillon notarise` and `maillon trust export`; evidence's `maillon verify` is listed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from maillon.evidence.errors import EvidenceError
from maillon.evidence.trust import TrustAnchors
from maillon.kit.credentials import authorization
from maillon.kit.errors import InvalidSettings, KitError
from maillon.kit.settings import Settings, load
from maillon.kit.terminal import OK, REFUSED, UNDECIDED, fail
from maillon.services.notary.client import (
    EvidenceRefused,
    Notariser,
    ReceiptNotWritten,
    Server,
    ServerRefused,
    ServerUnreachable,
    Summary,
    Watcher,
)
from maillon.services.notary.files import reason
from maillon.services.notary.journal import Journal, JournalDamaged

commands = typer.Typer()
trust = typer.Typer(no_args_is_help=True, help="The public facts receipts are checked against.")

_Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of text.")]
_Url = Annotated[str | None, typer.Option(help="The server; by default that of the settings.")]
_Home = Annotated[Path | None, typer.Option(help="The data directory; by default MAILLON_HOME, else ~/.maillon.")]


def _settings(home: Path | None, url: str | None, *, as_json: bool) -> Settings:
    try:
        return load(home=home, url=url)
    except InvalidSettings as error:
        fail(str(error), UNDECIDED, as_json=as_json)


def _authorization(settings: Settings, *, as_json: bool) -> dict[str, str]:
    try:
        return authorization(settings)
    except KitError as error:
        fail(str(error), UNDECIDED, as_json=as_json)


def _pinned(settings: Settings, *, as_json: bool) -> TrustAnchors | None:
    """The anchors receipts are checked against before they are written; None in a home that never had a server."""
    path = settings.home / "trust.json"
    try:
        return TrustAnchors.parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, EvidenceError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        fail(f"{path} cannot be read: {why}", UNDECIDED, as_json=as_json)


class _Bar:
    """A progress bar that looks at the clock once in 64 files, and draws ten times a second."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        from rich.console import Console

        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("receipts written", total=None)
        self._calls = 0
        self._progress.start()

    def __call__(self, *, found: int, hashed: int, written: int) -> None:
        self._calls += 1
        if self._calls % 64 == 0 or found == hashed == written:
            self._progress.update(self._task, total=max(found, 1), completed=written)

    def stop(self) -> None:
        self._progress.stop()


def _shown(path: str) -> str:
    """A name of any bytes, printable anywhere: what could command a terminal is written as an escape."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)


def _report(summary: Summary, *, as_json: bool) -> int:
    if as_json:
        # ASCII: names that are not text are written as JSON escapes.
        print(json.dumps(summary.to_json()))
    else:
        for path, why in summary.refused:
            sys.stderr.write(f"refused {_shown(path)}: {_shown(why)}\n")
        resumed = f" ({summary.resumed} from an earlier run)" if summary.resumed else ""
        had = f", {summary.skipped} had their receipt already" if summary.skipped else ""
        print(f"{summary.notarised} notarised{resumed}{had}, {len(summary.refused)} refused")
    return REFUSED if summary.refused else OK


@commands.command()
def notarise(  # noqa: PLR0917 - Typer reads the command's options from its arguments
    files: Annotated[list[str], typer.Argument(help="Files, and directories to walk.", metavar="DIR_OR_FILES...")],
    out: Annotated[Path | None, typer.Option(help="Put receipts under this directory instead of beside files.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Log the plain digest, findable by all.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also files that have their receipt already.")] = False,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Notarise files: each gets FILE.receipt.json, which anyone can verify offline.

    Exits 0 when all have receipts, 1 when some files were refused, 2 when the server could not be asked.
    """
    settings = _settings(home, url, as_json=as_json)
    server = Server(settings.server_url, _authorization(settings, as_json=as_json))
    bar: _Bar | None = _Bar() if sys.stderr.isatty() and not as_json else None
    watch: Watcher | None = bar
    journal = Journal(settings.home / "client")
    notariser = Notariser(
        server,
        journal,
        out=None if out is None else str(out),
        publicly=public,
        again=again,
        trust=_pinned(settings, as_json=as_json),
    )
    try:
        summary = notariser.run(files, watch)
    except (ServerRefused, EvidenceRefused, ReceiptNotWritten) as error:
        fail(str(error), REFUSED, as_json=as_json)
    except JournalDamaged as error:
        fail(str(error), UNDECIDED, as_json=as_json)
    except ServerUnreachable as error:
        fail(f"{error} What was begun is resumed by the next run.", UNDECIDED, as_json=as_json)
    except OSError as error:
        place = settings.home / "client"
        said = f"{place}, where salts are kept until receipts are written, cannot be used: {reason(error)}"
        fail(f"{said}; choose another home with --home", UNDECIDED, as_json=as_json)
    finally:
        if bar is not None:
            bar.stop()
        server.close()
        journal.close()
    raise typer.Exit(_report(summary, as_json=as_json))


@commands.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def verify(context: typer.Context) -> None:
    """Check a receipt with its file, offline: valid (0), invalid (1) or could not tell (2)."""
    # The program's entry answers `verify` before anything is loaded; here it gets its line among the commands.
    from maillon.evidence.__main__ import verify_command
    from maillon.kit.home import default_home

    raise typer.Exit(verify_command(context.args, default_home() / "trust.json"))


@trust.command("export")
def export(
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of standard output.")] = None,
    as_json: _Json = False,
    url: _Url = None,
    home: _Home = None,
) -> None:
    """Export the trust anchors pinned in the home, for `maillon verify --trust FILE` elsewhere."""
    settings = _settings(home, url, as_json=as_json)
    path = settings.home / "trust.json"
    try:
        data = path.read_bytes()
        anchors = TrustAnchors.parse(data)
    except FileNotFoundError:
        fail(f"no trust anchors at {path}: `maillon up` writes them at its first start", UNDECIDED, as_json=as_json)
    except OSError as error:
        fail(f"{path} cannot be read: {reason(error)}", UNDECIDED, as_json=as_json)
    except EvidenceError as error:
        fail(f"{path} is not readable: {error}", UNDECIDED, as_json=as_json)
    if out is None:
        # Byte by byte as it is: a terminal's encoding has no say in it.
        sys.stdout.buffer.write(data)
        return
    try:
        out.write_bytes(data)
    except OSError as error:
        fail(f"{_shown(str(out))} cannot be written: {reason(error)}", UNDECIDED, as_json=as_json)
    if as_json:
        print(json.dumps({"file": str(out), "network": anchors.network}))
    else:
        print(f"trust anchors of {anchors.network} written to {out}")
