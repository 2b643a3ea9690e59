"""Every error the runner raises.

Each is an `EdgekitError` and a builtin at once, so that callers who know edgekit and callers who do not can
both catch it. Missing files stay `OSError`; a caller's wrong argument stays `ValueError`.
"""


def one_line(error: BaseException) -> str:
    """What a foreign exception says, in one line of at most 300 characters; its type where it says nothing."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


class EdgekitError(Exception):
    """Base of every error of edgekit; its text is one line, made to be shown to a user."""


class ModelFileError(EdgekitError, ValueError):
    """Not a TFLite file, a damaged one, or a card that contradicts its graph."""


class UnsupportedModelError(EdgekitError, ValueError):
    """A valid TFLite file that this runner cannot classify with."""


class ImageError(EdgekitError, ValueError):
    """A photo that cannot be read: not an image, damaged, too large, or of an unsupported kind."""


class RuntimeUnavailableError(EdgekitError, ImportError):
    """The TFLite runtime asked for is not installed, or cannot work in this environment."""


class InferenceError(EdgekitError, RuntimeError):
    """The runtime refused to load or to run a model."""


class ResultFileError(EdgekitError, ValueError):
    """A file of answers that cannot be gone on with: damaged, or made by another model or with other options."""


class BenchError(EdgekitError, RuntimeError):
    """A process that `edgekit bench` started gave no times, or a file is no record of it."""
