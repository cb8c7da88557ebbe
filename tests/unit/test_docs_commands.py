"""Commands of the documentation, and options of commands, against the parser."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import re
import shlex
from pathlib import Path

from pages import DOCS, PAGES, ROOT, rows

from ernn_myhdl.cli.main import build_parser
from ernn_myhdl.engines.registry import ENGINES


def subcommands(parser) -> dict[str, argparse.ArgumentParser]:
    actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(actions[0].choices) if actions else {}


def quoted_commands(file: Path) -> list[str]:
    """Every `ernn ...` that a page shows as a line of code, fenced or indented."""
    text = re.sub(r"\\\n", " ", file.read_text(encoding="utf-8"))
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    indented = re.findall(r"^ {4,}.*$", text, re.MULTILINE)
    lines = (re.sub(r"^\$ ", "", x.strip()) for x in "\n".join([*fenced, *indented]).splitlines())
    return [line for line in lines if re.match(r"ernn( |$)", line)]


def complaint(command: str) -> str | None:
    """What the parser says of a command, or None."""
    words = shlex.split(command, comments=True)[1:]
    # what the shell does with it is no part of the command
    words = list(itertools.takewhile(lambda word: word not in ("<", ">", ">>", "|", "&"), words))
    if any(w in ("--help", "--version") for w in words):
        words = [w for w in words if w not in ("--help", "--version")]
        known = not words or words[0] in subcommands(build_parser())
        return None if known else f"{command}: no sub-command {words[0]}"
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            build_parser(words).parse_args(words)
    except SystemExit:
        return f"{command}: {said.getvalue()}"
    return None


def test_quoted_commands_parse():
    """On all pages; a wrong one is told with its page."""
    commands = {file: quoted_commands(file) for file in PAGES}
    assert sum(map(len, commands.values())) > 100
    wrong = {
        str(file.relative_to(ROOT)): said
        for file, quoted in commands.items()
        if (said := [c for c in map(complaint, quoted) if c])
    }
    assert wrong == {}


def test_a_command_that_does_not_parse_is_told():
    assert "--lames" in (complaint("ernn new --lames 4 -o x") or "")
    assert complaint("ernn nothing --help") == "ernn nothing --help: no sub-command nothing"


def helps(parser) -> dict[str, str]:
    """Of a parser and all below it."""
    found = {parser.prog: parser.format_help()}
    for below in subcommands(parser).values():
        found |= helps(below)
    return found


def test_the_parser_of_one_command_is_that_of_all():
    """Only its options are made, and only its module is imported, where a command is named."""
    everything = build_parser()
    for name, parser in subcommands(everything).items():
        alone = subcommands(build_parser([name, "--help"]))
        assert list(alone) == [name]
        assert helps(alone[name]) == helps(parser)
    for unknown in ([], ["nothing"], ["--version", "info"]):
        assert list(subcommands(build_parser(unknown))) == list(subcommands(everything))


def test_every_option_is_described():
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    commands = subcommands(build_parser())
    for name, parser in commands.items():
        heading = f"## `ernn {name}`"
        assert heading in text
        section = text.partition(heading)[2].partition("\n## ")[0]
        leaves = subcommands(parser) or {"": parser}
        for kind, leaf in leaves.items():
            part = section
            if kind:
                part = section.partition(f"`ernn {name} {kind} ")[2].partition(f"`ernn {name} ")[0]
            first = [c for row in rows(part) for c in re.findall(r"`([^`]+)`", row[0])]
            described = {c for c in first if c.startswith("-") or c.isupper()}
            options = {s for a in leaf._actions for s in a.option_strings} - {"-h", "--help"}
            options |= {a.metavar for a in leaf._actions if not a.option_strings}
            assert described == options, f"ernn {name} {kind}"


def leaves(parser) -> dict[str, argparse.ArgumentParser]:
    below = subcommands(parser)
    return {k: v for one in below.values() for k, v in leaves(one).items()} or {parser.prog: parser}


def test_every_choice_of_an_option_is_named():
    """An engine or a tool that is added is told where its option is."""
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    missing = []
    for name, parser in leaves(build_parser()).items():
        section = text.partition(f"## `{' '.join(name.split()[:2])}`")[2].partition("\n## ")[0]
        for action in parser._actions:
            if not action.option_strings or not action.choices:
                continue
            told = [row[1:] for row in rows(section) if f"`{action.option_strings[-1]}`" in row[0]]
            if any("as of `ernn " in cell for row in told for cell in row):
                continue
            words = {
                word for row in told for cell in row for word in re.findall(r"`([^`]+)`", cell)
            }
            missing += [(name, c) for c in action.choices if str(c) not in words]
    assert missing == []


def test_every_engine_is_in_the_table_of_engines():
    text = (DOCS / "how-to-verify.md").read_text(encoding="utf-8")
    table = [row for row in rows(text.partition("What agrees")[0]) if row[0].startswith("`")]
    told = {name: row[2] for row in table for name in re.findall(r"`([^`]+)`", row[0])}
    assert told == {name: "yes" if e.cycles else "no" for name, e in ENGINES.items()}


def test_every_command_is_in_the_table_of_commands_and_counted():
    """The page said eleven where there were fourteen, and its table lacked three."""
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    commands = set(subcommands(build_parser()))
    table = text.partition("\n## ")[0]
    listed = [re.fullmatch(r"\[`(\w+)`\]\(#ernn-(\w+)\)", row[0]) for row in rows(table)]
    assert {m[1] for m in listed if m} == {m[2] for m in listed if m} == commands
    counts = dict(enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]))  # fmt: skip
    assert f"`ernn` has {counts[len(commands)]} sub-commands." in text


def test_exit_codes_are_described():
    from ernn_myhdl import console

    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    codes = {
        int(r[0])
        for r in rows(text.partition("## Exit codes")[2].partition("\n## ")[0])
        if r[0].isdigit()
    }
    assert codes == {console.FINE, console.FAILED, console.BAD_INPUT, console.TOOL}
