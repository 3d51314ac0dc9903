"""One rival, in a process and an environment of its own; imports nothing of ours.

`python rival.py NAME` reads a request a line, `{"path": …, "languages": ["de"]}`, and answers each with a line:
`{"text": …, "markdown": false}`, with its `html` where that says more, or `{"error": …}`. Before the first it says
`{"version": …}`, or why it cannot work.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

Read = Callable[[Path, list[str]], dict[str, object]]
TESSERACT_LANGUAGES = {
    "de": "deu",
    "en": "eng",
    "fr": "fra",
    "ja": "jpn",
    "zh": "chi_sim",
    "zh-Hans": "chi_sim",
    "ar": "ara",
    "ru": "rus",
    "ko": "kor",
    "th": "tha",
    "la": "eng",
}
SCAN_DPI = 300


def pypdfium2() -> tuple[str, Read]:
    import pypdfium2 as pdfium

    def read(path: Path, _: list[str]) -> dict[str, object]:
        with pdfium.PdfDocument(path) as document:
            pages = [page.get_textpage().get_text_bounded() for page in document]
        return {"text": "\n\n".join(pages), "markdown": False}

    return version("pypdfium2"), read


def pandoc() -> tuple[str, Read]:
    import pypandoc

    def read(path: Path, _: list[str]) -> dict[str, object]:
        text, marked = (
            pypandoc.convert_file(str(path), form, extra_args=["--wrap=none"], sandbox=True) for form in ("gfm", "html")
        )
        return {"text": text, "markdown": True, "html": marked}

    return pypandoc.get_pandoc_version(), read


def tesseract() -> tuple[str, Read]:
    """Told the languages, which the others are not: it does not find them out."""
    program = shutil.which("tesseract")
    if program is None:
        raise RuntimeError("the program `tesseract` is not on the PATH")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout

    def recognised(picture: Path, languages: list[str]) -> str:
        chosen = "+".join(dict.fromkeys(TESSERACT_LANGUAGES.get(each, "eng") for each in languages or ["en"]))
        command = [program, str(picture), "-", "-l", chosen]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def read(path: Path, languages: list[str]) -> dict[str, object]:
        if path.suffix.lower() != ".pdf":
            return {"text": recognised(path, languages), "markdown": False}
        import pypdfium2 as pdfium

        texts = []
        with pdfium.PdfDocument(path) as document, tempfile.TemporaryDirectory() as folder:
            for page in document:
                picture = Path(folder) / "page.png"
                page.render(scale=SCAN_DPI / 72).to_pil().save(picture)
                texts.append(recognised(picture, languages))
        return {"text": "\n\n".join(texts), "markdown": False}

    return said.split()[1], read


def kreuzberg() -> tuple[str, Read]:
    from kreuzberg import ExtractionConfig, OcrConfig, extract_file_sync

    def read(path: Path, languages: list[str]) -> dict[str, object]:
        chosen = "+".join(dict.fromkeys(TESSERACT_LANGUAGES.get(each, "eng") for each in languages or ["en"]))
        config = ExtractionConfig(
            ocr=OcrConfig(backend="tesseract", language=chosen), output_format="markdown", use_cache=False
        )
        return {"text": extract_file_sync(path, config=config).content, "markdown": True}

    return version("kreuzberg"), read


def docling() -> tuple[str, Read]:
    """Its native pipeline for PDF, which runs no model, and its readers of Office files."""
    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.pipeline_options import NativePdfPipelineOptions
    from docling.document_converter import DocumentConverter, NativePdfFormatOption, WordFormatOption

    options = NativePdfPipelineOptions(generate_page_images=False, generate_picture_images=False)
    converter = DocumentConverter(
        allowed_formats=[InputFormat.PDF, InputFormat.DOCX],
        format_options={
            InputFormat.PDF: NativePdfFormatOption(pipeline_options=options),
            InputFormat.DOCX: WordFormatOption(),
        },
    )

    def read(path: Path, _: list[str]) -> dict[str, object]:
        return {"text": converter.convert(path).document.export_to_markdown(), "markdown": True}

    return version("docling-slim"), read


def opendataloader() -> tuple[str, Read]:
    from opendataloader_pdf import convert

    def read(path: Path, _: list[str]) -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            convert(str(path), output_dir=folder, format="markdown", quiet=True, image_output="off")
            (written,) = Path(folder).rglob("*.md")
            return {"text": written.read_text("utf-8"), "markdown": True}

    return version("opendataloader-pdf"), read


RIVALS = {rival.__name__: rival for rival in (pypdfium2, pandoc, tesseract, kreuzberg, docling, opendataloader)}


def main() -> None:
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(told: dict[str, object]) -> None:
        answers.write(json.dumps(told) + "\n")
        answers.flush()

    try:
        found, read = RIVALS[sys.argv[1]]()
    except (ImportError, RuntimeError, OSError) as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        return
    answer({"version": found})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                told = read(Path(request["path"]), request["languages"])
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is this document's
            told = {"error": f"{type(error).__name__}: {error}"}
        answer(told)


if __name__ == "__main__":
    main()
