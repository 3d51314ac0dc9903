"""Documents that `muniment up --demo` uploads, one of each kind. `python -m muniment.samples.make` makes them anew."""

from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = ("invoice.pdf", "scanned-letter.pdf", "meeting-notes.docx", "languages.txt", "receipt.jpg")


def sample_files() -> list[Path]:
    return [FOLDER / name for name in NAMES]
