"""`python -m benchmarks [NAME ...]`: Muniment against what one would write by hand, or against itself at another size.

Names: files, uploads, listing, pages, tenants, fairness, cancelling, memory, structure, scan, soak.

Starts a Muniment of its own and everything it is compared with, and prints figures with their ratios in brackets.
Without a name it runs all of them. `memory` needs root: it makes a slow disk. `structure` starts nothing: it scores
what the extractor finds in made-up PDFs. `soak` takes many minutes and runs only where it is named. How the pools
follow a burst is drawn by `python -m benchmarks.autoscaling`.
"""

import argparse
import signal
import sys
from collections.abc import Callable

from benchmarks import cancelling, fairness, listing, long_scan, memory, pages, soak, tenants, transfers, uploads
from benchmarks.compare import run as compare
from benchmarks.instance import muniment_up
from benchmarks.structure import report as structure

ON_ONE_INSTANCE = {
    "files": transfers.run,
    "uploads": uploads.run,
    "listing": listing.run,
    "pages": pages.run,
    "tenants": tenants.run,
    "fairness": fairness.run,
    "cancelling": cancelling.run,
}
ALONE: dict[str, Callable[[], object]] = {"memory": memory.run, "structure": structure.run, "scan": long_scan.run}
SOAK = "soak"


def main() -> None:
    if sys.argv[1:2] == ["compare"]:
        compare.main(sys.argv[2:])
        return
    # So that the servers that were started are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("chosen", nargs="*", choices=[*ON_ONE_INSTANCE, *ALONE, SOAK, []], metavar="benchmark")
    parser.add_argument("--documents", type=int, default=soak.DOCUMENTS, help="of the soak")
    options = parser.parse_args()
    chosen = options.chosen or [*ON_ONE_INSTANCE, *ALONE]
    shared = [name for name in ON_ONE_INSTANCE if name in chosen]
    if shared:
        with muniment_up() as instance:
            for name in shared:
                print(ON_ONE_INSTANCE[name](instance), flush=True)
    for name, measured in ALONE.items():
        if name in chosen:
            print(measured(), flush=True)
    if SOAK in chosen:
        with muniment_up(**soak.SETTINGS) as instance:
            print(soak.run(instance, options.documents), flush=True)


if __name__ == "__main__":
    main()
