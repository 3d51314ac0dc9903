import json
import sys

import pytest

from muniment.calls import problem_of
from muniment.cli_options import assignments
from muniment.cli_output import error_text, print_error, print_table, shown
from tests.unit.client.test_problems import answer


def test_a_terminal_gets_aligned_columns_and_a_pipe_tabs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("fs_1", 10), ("fs_22", 5)]
    print_table(("ID", "SIZE"), rows)
    assert capsys.readouterr().out == "fs_1\t10\nfs_22\t5\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_table(("ID", "SIZE"), rows)
    assert capsys.readouterr().out.splitlines()[1:] == ["fs_1   10  ", "fs_22  5   "]


def test_bad_fields_are_listed_below_the_problem(capsys: pytest.CaptureFixture[str]) -> None:
    errors = [{"pointer": "/code", "detail": "too short"}, "something else"]
    print_error(problem_of(answer(422, {"code": "invalid-fields", "detail": "Wrong.", "errors": errors})))
    assert capsys.readouterr().err.splitlines() == [
        "error: Wrong. (422 invalid-fields)",
        "  /code: too short",
        "  /: something else",
    ]


def test_an_unexpected_error_keeps_its_name() -> None:
    assert error_text(KeyError("x")) == "KeyError: 'x'"


def test_control_characters_are_shown_as_such() -> None:
    assert shown("a\x1b[2Jb\u202ec") == "a\ufffd[2Jb\ufffdc"
    assert shown({"a": [1]}) == json.dumps({"a": [1]})
    assert shown([]) == shown(None) == "-"


def test_settings_nest_by_their_dots() -> None:
    assert assignments(["a.b=1", "a.c=text", "d=[1]", "e=null"]) == {"a": {"b": 1, "c": "text"}, "d": [1], "e": None}


@pytest.mark.parametrize("given", [["a"], ["=1"], ["a=1", "a.b=2"]])
def test_settings_that_make_no_sense_are_wrong_usage(given: list[str]) -> None:
    with pytest.raises(Exception, match="'") as refusal:
        assignments(given)
    assert type(refusal.value).__name__ == "BadParameter"
