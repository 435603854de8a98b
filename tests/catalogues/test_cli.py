"""The command line: what it prints, its exit codes, and that it answers at once."""

import argparse
import subprocess
import sys

import pytest

from catalogues.cli import add_commands
from catalogues.errors import InputError


def run(*words):
    parser = argparse.ArgumentParser(prog="artist-sim")
    add_commands(parser.add_subparsers(required=True))
    args = parser.parse_args(["catalogue", *map(str, words)])
    return args.func(args)


def test_generate_then_check(tmp_path, capsys):
    assert run("generate", "--artists", 300, "--seed", 1, tmp_path / "toy") == 0
    assert "300  artists" in capsys.readouterr().out
    assert run("check", tmp_path / "toy") == 0
    printed = capsys.readouterr().out
    assert "Nothing is wrong" in printed
    assert "neural_audio" in printed


def test_check_says_what_is_wrong(make_catalogue, capsys):
    assert run("check", make_catalogue(edges__csv="source,target\na,z\n")) == 1
    printed = capsys.readouterr().out
    assert "wrong: dangling edge (1)" in printed
    assert "edges.csv row 1: no artist z" in printed


def test_a_mistake_reaches_the_caller(tmp_path):
    with pytest.raises(InputError):
        run("check", tmp_path)
    with pytest.raises(InputError):
        run("import", "olga", tmp_path, tmp_path / "made")


def test_help_teaches_the_formats(capsys):
    with pytest.raises(SystemExit):
        run("import", "--help")
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("olga", "allmusic-influence", "lastfm-2k", "deezer"))
    assert "example:" in printed


def test_help_imports_nothing_heavy():
    code = (
        "import argparse, sys; from catalogues.cli import add_commands\n"
        "parser = argparse.ArgumentParser(); add_commands(parser.add_subparsers())\n"
        "parser.format_help()\n"
        "print(*{name.split('.')[0] for name in sys.modules})\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    heavy = {"numpy", "pandas", "pyarrow", "scipy", "rich", "yaml", "tensorflow", "tfx"}
    assert heavy.isdisjoint(printed)
