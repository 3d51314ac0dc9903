"""The language of a text, beside what its file says."""

import pytest

from actors.extractors.language import language_of

TEXTS = {
    "de": "Der Hafen der Stadt ist so alt wie die Stadt selbst, und viel größer als sie es je war.",
    "en": "The harbour of the town is as old as the town itself, and much larger than it ever was.",
    "fr": "Le port de la ville est aussi vieux que la ville elle-même, et bien plus grand qu'elle ne l'a jamais été.",
    "ru": "Порт города такой же старый, как и сам город, и намного больше.",
    "zh": "这座城市的港口和城市本身一样古老,而且比城市大得多。",
    "ar": "ميناء المدينة قديم قدم المدينة نفسها وأكبر منها بكثير",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_is_enough(language: str) -> None:
    assert language_of(TEXTS[language]) == language


@pytest.mark.parametrize("text", ["", "12.50 / 3 (7)", "A", "ok"])
def test_what_is_no_sentence_has_no_language(text: str) -> None:
    assert language_of(text) is None


def test_numbers_keep_the_language_that_is_stated() -> None:
    assert language_of("12.50 / 3", "de-AT") == "de-AT"


def test_what_is_stated_stays_with_its_region_and_over_short_texts() -> None:
    assert language_of(TEXTS["de"] * 3, "de-AT") == "de-AT"
    assert language_of(TEXTS["de"], "en-US") == "en-US"


def test_a_text_plainly_in_another_language_is_in_that() -> None:
    assert language_of(TEXTS["de"] * 3, "en-US") == "de"


def test_languages_that_one_name_stands_for_are_one() -> None:
    norwegian = "Havnen i byen er like gammel som byen selv, og mye større enn den noen gang har vært. " * 4
    assert language_of(norwegian) == "no"
    assert language_of(norwegian, "nb-NO") == "nb-NO"


def test_an_expected_language_is_likelier() -> None:
    assert language_of("la casa") is None
    assert language_of("la casa", expected=["es-MX"]) == "es-MX"


def test_a_language_that_nobody_expected_is_still_told() -> None:
    assert language_of(TEXTS["de"], expected=["fr", "en"]) == "de"


def test_a_region_can_be_written_with_either_sign() -> None:
    assert language_of(TEXTS["de"], expected=["de_CH"]) == "de_CH"
