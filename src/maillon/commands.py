# SPDX-License-Identifier: Apache-2.0
"""The command line: the operator's commands, and the services' own joined to them.

`verify` is dispatched before anything else is loaded, because whoever checks ten thousand receipts starts it as often.
Exit status: 0 done or valid, 1 refused or invalid, 2 could not tell, could not ask, or wrong usage.
"""

from __future__ import annotations

import gc
import io
import signal
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import typer


def run() -> None:
    """The program's entry."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character is shown its number: no answer depends on an encoding.
            stream.reconfigure(errors="backslashreplace")
    # Whoever asks us to end finds us as after Ctrl-C: what is open is closed, what is written half is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _dispatch(sys.argv[1:])
    except KeyboardInterrupt:
        # A server that had not begun is stopped, which is what was asked; any other command has no answer.
        sys.exit(0 if sys.argv[1:2] == ["up"] else 2)
    except Exception:  # noqa: BLE001 - the last that could catch it
        # A mistake of ours. Status 1 would say that the answer is no, and there is none.
        traceback.print_exc()
        sys.exit(2)


def _dispatch(arguments: list[str]) -> NoReturn:
    if arguments[:1] == ["verify"]:
        from maillon.evidence.__main__ import verify_command
        from maillon.kit.home import default_home

        sys.exit(verify_command(arguments[1:], default_home() / "trust.json"))
    # Loading makes objects that stay: looked through as often as Python does by itself, they cost a tenth of the start.
    gc.set_threshold(100_000, 20, 20)
    _run(arguments)


def _run(arguments: list[str]) -> NoReturn:
    import typer
    from typer.exceptions import TyperException
    from typer.main import get_group

    from maillon.kit import terminal

    as_json = "--json" in arguments
    try:
        commands = get_group(_with_only(application(), arguments[:1]))
        sys.exit(commands.main(arguments, prog_name="maillon", standalone_mode=not as_json))
    except TyperException as error:
        # Wrong usage, which the library would say in a frame of text.
        terminal.fail(error.format_message(), error.exit_code, as_json=as_json)
    except typer.Abort:
        terminal.fail("interrupted", terminal.REFUSED, as_json=as_json)


def _with_only(made: typer.Typer, named: list[str]) -> typer.Typer:
    """Without the commands that were not named, where one was: to prepare them all takes a tenth of a second."""
    from typer.main import get_command_name

    commands = {
        command.name or get_command_name(command.callback.__name__): command
        for command in made.registered_commands
        if command.callback
    }
    groups = {group.name: group for group in made.registered_groups}
    if found := commands.keys() & named:
        made.registered_commands = [commands[name] for name in found]
        made.registered_groups = []
    elif chosen := groups.keys() & named:
        made.registered_groups = [groups[name] for name in chosen]
        made.registered_commands = []
    return made


def application() -> typer.Typer:
    """Every command."""
    import typer

    from maillon import operations
    from maillon.services.credits import commands as credits_commands
    from maillon.services.members import commands as members
    from maillon.services.notary import commands as notary
    from maillon.services.notices import commands as notices
    from maillon.services.people import commands as people
    from maillon.services.votes import commands as votes

    made = typer.Typer(
        name="maillon",
        help="A ledger, a notary and their portal in one command; receipts anyone checks offline.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    operations.add(made)
    made.registered_commands.extend(notary.commands.registered_commands + people.commands.registered_commands)
    operations.people.registered_commands.extend(people.people.registered_commands)
    made.registered_commands.extend(credits_commands.commands.registered_commands)
    made.add_typer(notary.trust, name="trust")
    made.add_typer(members.commands, name="members")
    made.add_typer(votes.votes, name="votes")
    made.add_typer(notices.notices, name="notices")
    made.add_typer(notices.webhooks, name="webhooks")
    return made
