"""What a person reads of a finding."""

import pytest

from storage.fsck.findings import Checked, Finding


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding("deletion-unfinished", "acme", id="op_1"), "deletion-unfinished: acme op_1"),
        (Finding("missing-bytes", "acme", "acme/2026-11/fs_1.txt", "fs_1"), "missing-bytes: acme/2026-11/fs_1.txt"),
        (
            Finding("size-differs", "acme", "acme/2026-11/fs_1", "fs_1", expected={"size": 9}, found={"size": 4}),
            "size-differs: acme/2026-11/fs_1 (expected size 9; found size 4)",
        ),
        (
            Finding("trash-left", path=".trash/op_1", items=2, found={"files": 2, "size": 7}),
            "trash-left: .trash/op_1 (found files 2, size 7)",
        ),
    ],
)
def test_a_finding_says_what_it_is_about(finding: Finding, line: str) -> None:
    assert str(finding) == line


def test_a_file_with_row_and_bytes_is_one_item() -> None:
    assert Checked(rows=8, files=8).items == 8
    assert Checked(rows=0, files=8).items == 8
