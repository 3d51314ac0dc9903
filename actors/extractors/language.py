"""The language that a document is written in, told by its text where the file does not say it or says it wrongly."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_READ = 20_000
"""Characters of a text that are looked at: more tell no more."""
_LIKELY = 0.9
_PLAIN = 0.999
_PLAIN_LENGTH = 200
"""Characters without which no text is plainly in another language than its file says."""
_EXPECTED = 1000.0
"""How many times likelier a language is that the caller expects."""
_NONE = frozenset({"und", "zxx"})
_PARTS = {"nb": "no", "nn": "no", "arz": "ar", "ary": "ar", "wuu": "zh", "yue": "zh", "hbo": "he"}
"""Languages whose writing hardly differs, or that texts seldom say they are in: the one that stands for them."""


@cache
def identifier() -> LanguageIdentifier:
    """The model: 139 languages, 80 MiB, most of a second to load."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language_of(text: str, stated: str | None = None, expected: Sequence[str] = ()) -> str | None:
    """The language's BCP 47 tag, or None where the text is too short to tell.

    What the file `stated` stays, unless the text is plainly in another language: a template's language is in many files
    that are written in another one. The languages that the caller `expected` are likelier than others.
    """
    text = text[:_READ]
    if not any(map(str.isalpha, text)):
        return stated
    weights = dict(_weights(text, {_primary(tag): tag for tag in expected}))
    found = max(weights, key=lambda tag: weights[tag])
    certainty = weights[found] / sum(weights.values())
    if stated is not None:
        plain = certainty >= _PLAIN and len(text) >= _PLAIN_LENGTH and found not in _NONE
        return found if plain and _primary(found) != _primary(stated) else stated
    return found if certainty >= _LIKELY and found not in _NONE else None


def _weights(text: str, expected: dict[str, str]) -> Iterator[tuple[str, float]]:
    """How likely each language is. An expected one goes by the tag that the caller gave it."""
    languages: dict[str, float] = defaultdict(float)
    for name, likelihood in identifier().rank(text):
        languages[_PARTS.get(name, name)] += likelihood
    for name, likelihood in languages.items():
        yield expected.get(name, name), likelihood * (_EXPECTED if name in expected else 1.0)


def _primary(tag: str) -> str:
    language = tag.replace("_", "-").split("-")[0].casefold()
    return _PARTS.get(language, language)
