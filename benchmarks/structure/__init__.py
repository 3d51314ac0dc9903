"""How much of a page's structure is found: made-up PDFs of which everything is known, and a score."""
