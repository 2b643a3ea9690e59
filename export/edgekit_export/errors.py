"""Every error the exporter raises. Each is an `EdgekitError` and a builtin at once, and one line for a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.errors import EdgekitError

if TYPE_CHECKING:
    from edgekit.card import Evidence, ModelCard
    from edgekit_export.proof.record import ExportRecord
    from edgekit_export.verify import Comparison


class ExportError(EdgekitError):
    """Base of every error of the exporter."""


class MissingPackageError(ExportError, ImportError):
    """What the exporter needs beside the runner is not installed."""


class ModelLoadError(ExportError, ValueError):
    """The source model cannot be read, or is not an image classifier that can be exported."""


class InputRangeError(ExportError, ValueError):
    """Nothing tells which pixel values the model was trained on; `evidence` has what was tried on photos."""

    def __init__(self, message: str, evidence: Evidence | None = None) -> None:
        super().__init__(message)
        self.evidence = evidence


class PhotosError(ExportError, ValueError):
    """The labelled folder cannot serve for calibration and verification."""


class ConversionError(ExportError, RuntimeError):
    """TensorFlow's converter refused the model."""


class NotFullyQuantizedError(ExportError, RuntimeError):
    """The converted file still computes with floats, or its input is not the raw pixels."""


class VerificationError(ExportError, RuntimeError):
    """A runtime refused the exported model, failed on it or crashed."""


class AccuracyDropError(ExportError, RuntimeError):
    """No recipe keeps what the user wants kept.

    `comparison` is of the recipe that came nearest; `card` and `record` have all that is known, for the page.
    """

    exit_code = 3

    def __init__(self, message: str, comparison: Comparison, card: ModelCard, record: ExportRecord) -> None:
        super().__init__(message)
        self.comparison = comparison
        self.card = card
        self.record = record


class TrainingError(ExportError, RuntimeError):
    """A training cannot start, go on or be resumed."""


class LeakError(ExportError, ValueError):
    """What belongs together stands in different splits."""

    exit_code = 3


class CheckupError(ExportError, ValueError):
    """Something in a data set has to be mended before a training."""

    exit_code = 3


class ComparisonError(ExportError, RuntimeError):
    """A comparison with classic methods could not be finished."""


class RecipeError(ExportError, ValueError):
    """A quantization recipe that there is not, or that this model does not allow."""
