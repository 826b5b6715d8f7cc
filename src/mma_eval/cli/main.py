"""The `mma-eval` command: its groups, its one-line errors and its exit codes."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from mma_eval import __version__
from mma_eval.cli import (
    catalog,
    compare,
    data,
    diagnose,
    doctor,
    export,
    leaderboard,
    paper,
    report,
    rerun,
    results,
    run,
    specimen,
    train,
)
from mma_eval.cli.console import diagnostics
from mma_eval.cli.stopping import leave, stopping_on_sigterm
from mma_eval.errors import MmaEvalError

OWN_OPTIONS = {"--help", "-h", "--version", "--install-completion", "--show-completion"}
TYPER_INTERRUPTED = 130
"""What typer returns for a KeyboardInterrupt in a command; no command ends so by itself."""

app = typer.Typer(
    name="mma-eval",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "How audio-visual language models behave when sight, sound and text disagree.\n\n"
        "mma-eval --model NAME --tasks NAMES is short for mma-eval run --model NAME --tasks NAMES: "
        "try mma-eval --model tiny-omni --dataset demo --tasks misalign_audio"
    ),
)
app.command("run")(run.run_command)
app.add_typer(catalog.list_app, name="ls")
app.command("show")(catalog.show_command)
app.command("validate")(catalog.validate_command)
app.command("score")(results.score_command)
app.command("report")(report.report_command)
app.command("rerun")(rerun.rerun_command)
app.command("doctor")(doctor.doctor_command)
app.command("compare")(compare.compare_command)
app.command("export")(export.export_command)
app.command("paper")(paper.paper_command)
app.add_typer(leaderboard.leaderboard_app, name="leaderboard")
app.add_typer(data.data_app, name="data")
app.command("train")(train.train_command)
app.command("diagnose")(diagnose.diagnose_command)
app.command("train-specimen")(specimen.train_specimen_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mma-eval {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Options of the command itself."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a bare `mma-eval --model ...` means `run`."""
    _replace_closed_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0].startswith("-") and given[0] not in OWN_OPTIONS:
        given.insert(0, "run")
    try:
        with stopping_on_sigterm():
            code = app(given, standalone_mode=False)
        if code == TYPER_INTERRUPTED:
            raise KeyboardInterrupt
        # What is left in the buffer fails here, where it can be told, and not at the very end.
        sys.stdout.flush()
    except MmaEvalError as error:
        code = _complain(str(error), error.exit_code)
    except typer.Exit as stop:
        code = stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = _complain("stopped", 1)
    except BrokenPipeError:
        _drop_output()
        code = 1
    except OSError as error:
        if error.filename is not None or error.errno != errno.ENOSPC:
            raise
        _drop_output()
        code = _complain(f"the output cannot be written ({error.strerror})", 1)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        if not error.format_message():
            sys.exit(2)
        command = given[0] if given and given[0] in _commands() else ""
        message = " ".join(f"{error.format_message()} (see mma-eval {command} --help)".split())
        code = _complain(message, 2)
    leave(code or 0)


def _replace_closed_streams() -> None:
    """What was started with a closed output (`>&-`) writes to nowhere, as print() does."""
    if sys.stdout is None or sys.stderr is None:
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  used to the end
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere


def _drop_output() -> None:
    """Python would try once more to write what is left, and end with another exit code."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  used to the end


def _commands() -> set[object]:
    commands = {command.name for command in app.registered_commands}
    return commands | {group.name for group in app.registered_groups}


def _complain(sentence: str, code: int) -> int:
    diagnostics().print(f"mma-eval: {sentence}", style="red", markup=False, soft_wrap=True)
    return code


if __name__ == "__main__":
    main()
