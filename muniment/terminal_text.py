"""Other people's text on a terminal."""


def without_controls(text: str) -> str:
    """Names and metadata are other people's text: no escape sequences reach the terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
