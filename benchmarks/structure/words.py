"""Words, figures and whole sentences, by chance."""

import random
from collections.abc import Callable


def _words(listed: str) -> list[str]:
    return listed.split()


_NOUNS = _words(
    "harbour ledger valve meadow survey engine orchard signal archive turbine lantern quarry vessel market bridge "
    "garden cable mirror parcel window furnace library compass station bakery pump cabinet ferry granite pasture"
)
_VERBS = _words("holds shows follows replaces carries measures supports reaches covers records crosses joins")
_ADJECTIVES = _words("northern small regular heavy open former second quiet annual local broad early narrow steady")
_FIRST = _words("Ada Bruno Clara Dmitri Elif Farid Greta Hugo Ines Jonas Kaori Lena Marek Nadia Oskar Petra")
_LAST = _words("Almeida Brandt Castro Dahl Eriksen Fischer Garcia Holm Ivanov Jansen Keller Lund Moreau Novak")
_MONTHS = _words("January February March April May June July August September October November December")

Chance = random.Random
Maker = Callable[[Chance], str]


def likely(chance: Chance, probability: float) -> bool:
    return chance.random() < probability


def sentence(chance: Chance) -> str:
    middle = f"{chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)} {chance.choice(_VERBS)}"
    end = " ".join(f"{chance.choice(('the', 'a', 'each'))} {noun(chance)}" for _ in range(chance.randint(1, 3)))
    tail = chance.choice((f" of {chance.randint(1890, 2020)}", f", and {name(chance)} agrees", "", ""))
    return f"The {middle} {end}{tail}."


def text(chance: Chance, sentences: int) -> str:
    return " ".join(sentence(chance) for _ in range(sentences))


def noun(chance: Chance) -> str:
    return f"{chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)}"


def title(chance: Chance) -> str:
    return f"{noun(chance).capitalize()} and {chance.choice(_NOUNS)}"


def word(chance: Chance) -> str:
    return chance.choice(_NOUNS).capitalize()


def name(chance: Chance) -> str:
    return f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"


def number(chance: Chance) -> str:
    return f"{chance.randint(1, 99_999):,}"


def amount(chance: Chance) -> str:
    sign = "-" if likely(chance, 0.15) else ""
    return f"{sign}{chance.choice(('', '$', ''))}{chance.randint(1, 9_999):,}.{chance.randint(0, 99):02}"


def share(chance: Chance) -> str:
    return f"{chance.uniform(0, 100):.1f}%"


def date(chance: Chance) -> str:
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(1990, 2030)
    return chance.choice((f"{day} {_MONTHS[month - 1][:3]} {year}", f"{year}-{month:02}-{day:02}"))


def code(chance: Chance) -> str:
    return f"{chance.choice('ABCDKRTX')}{chance.choice('ABCDKRTX')}-{chance.randint(100, 9999)}"


def remark(chance: Chance) -> str:
    """Some of them take two lines or three of a column."""
    return " ".join(noun(chance) for _ in range(chance.randint(1, 4)))
