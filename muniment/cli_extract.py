"""The command that turns documents into text."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from muniment.cli_files import telling
from muniment.cli_options import TenantOption, client_for
from muniment.cli_output import print_json, print_line
from muniment.client import Client
from muniment.download import safe_name
from muniment.models import ExtractionOptions, Job, StoredFile
from muniment.progress_bar import Bar, count_bar, transfer_bar


class Form(StrEnum):
    text = "text"
    markdown = "markdown"
    html = "html"
    json = "json"


class Ocr(StrEnum):
    auto = "auto"
    force = "force"
    never = "never"


SUFFIXES = {Form.text: ".txt", Form.markdown: ".md", Form.html: ".html", Form.json: ".json"}


def register(app: typer.Typer) -> None:
    app.command()(extract)


def extract(
    context: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="PATH|FILE_ID...", show_default=False)],
    form: Annotated[Form, typer.Option("--format", "-f")] = Form.text,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for the results, one file each.")
    ] = None,
    ocr: Annotated[Ocr, typer.Option(help="Decided per page, for all pages, or for none.")] = Ocr.auto,
    language: Annotated[list[str] | None, typer.Option(help="Such as de; repeat for several.")] = None,
    pages: Annotated[str | None, typer.Option(help="Such as 1-3,7.")] = None,
    tables: Annotated[bool, typer.Option(help="Look for tables.")] = True,
    ask_password: Annotated[bool, typer.Option("--ask-password", help="Ask for the document's password.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait for each.")] = None,
    tenant: TenantOption = None,
) -> None:
    """Read documents: upload (unless it is an id), extract, print. Goes on after a failure and then exits with 1."""
    options: ExtractionOptions = {"ocr": ocr.value, "tables": tables}
    if language:
        options["languages"] = language
    if pages:
        options["pages"] = pages
    if ask_password:
        options["password"] = typer.prompt("Password of the document", hide_input=True, err=True)
    chosen = Form.json if as_json else form
    done = 0
    with client_for(context, tenant) as client:
        for source in sources:
            with telling(source):
                job, file = _extract_one(client, source, options, timeout)
                _put_out(_result(client, job, chosen), chosen, output, file)
                done += 1
    if done < len(sources):
        raise typer.Exit(1)


def _extract_one(
    client: Client, source: str, options: ExtractionOptions, timeout: float | None
) -> tuple[Job, StoredFile]:
    file = _stored(client, source)
    job = client.extractions.submit(file, **options)
    with count_bar(file.file_name) as bar:
        finished = client.extractions.wait(job, timeout=timeout, on_progress=lambda seen: _show(bar, file, seen))
    return finished.raise_for_failure(), file


def _stored(client: Client, source: str) -> StoredFile:
    path = Path(source)
    if source.startswith("fs_") and not path.exists():
        return client.files.get(source)
    with transfer_bar(path.name, path.stat().st_size) as bar:
        return client.files.upload(path, progress=bar.set)


def _show(bar: Bar, file: StoredFile, job: Job) -> None:
    bar.describe(f"{file.file_name}: {job.state}")
    bar.set(job.progress.pages_done, job.progress.pages_total)


def _result(client: Client, job: Job, form: Form) -> Any:
    match form:
        case Form.json:
            return client.extractions.result_json(job)
        case Form.markdown:
            return client.extractions.markdown(job)
        case Form.html:
            return client.extractions.html(job)
        case Form.text:
            return client.extractions.text(job)


def _put_out(result: Any, form: Form, output: Path | None, file: StoredFile) -> None:
    if output is None:
        print_json(result) if form is Form.json else print_line(result)
        return
    # Named for the file's id as well: two files may have one name.
    path = output / f"{safe_name(file.file_name)}.{file.id}{SUFFIXES[form]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, ensure_ascii=False, indent=2) if form is Form.json else result, "utf-8")
    print_line(str(path))
