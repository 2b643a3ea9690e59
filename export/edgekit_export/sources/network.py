"""What every kind of model becomes: a float network that answers, and that turns into a float `.tflite`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgekit_export.convert import convert_traced
from edgekit_export.errors import ModelLoadError
from edgekit_export.sources.batchnorm import Divergence
from edgekit_export.sources.entry import Entry, entry_of

Tensors: TypeAlias = Any
"""TensorFlow tensors; TensorFlow has no types to give them."""

Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class Port:
    """An input or output by name: its shape, None where it is free, and its dtype by numpy's name."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        """As in messages: ``image (None, 224, 224, 3) float32``."""
        return f"{self.name} {self.shape} {self.dtype}"


class Network(Protocol):
    """A float network with named inputs and outputs, in the framework that its file was made for."""

    @property
    def maker(self) -> str:
        """What runs it, with version: for people and for the card."""

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Its inputs."""

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Its outputs."""

    def to_tflite(self, output: int, size: Size | None) -> bytes:
        """A float `.tflite` of one output, with all inputs and a batch of one.

        Args:
            output: Which one.
            size: For an input whose height and width are free.

        Raises:
            ModelLoadError: the input has no size.
            ConversionError: it has operators that TFLite has not.
        """

    def answer(self, output: int, size: Size | None) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """A function from its image input, batch of one, to that output, float32 of shape (values,).

        The other inputs, where it has any, get zeros: what depends on them was refused before.
        """

    def entry(self, output: int, size: Size | None) -> Entry | None:
        """From its image input to what enters its first weights; None where that is no one place."""

    @property
    def divergence(self) -> Divergence | None:
        """How far a batch of inputs is from what the network was trained on; None where it does not remember."""


@dataclass(frozen=True)
class TracedNetwork:
    """A network that TensorFlow can trace.

    Args:
        maker: What runs it.
        inputs: Its inputs.
        outputs: Its outputs.
        call: From one tensor an input to one an output, in inference mode.
        owner: Whatever must stay alive for `call`.
        default_size: Of the images, where the inputs leave it free and the network tells.
        divergence: See `Network.divergence`.
    """

    maker: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    call: Callable[[Sequence[Tensors]], Sequence[Tensors]]
    owner: Any = field(default=None, repr=False)
    default_size: Size | None = None
    divergence: Divergence | None = field(default=None, repr=False)

    def to_tflite(self, output: int, size: Size | None) -> bytes:
        """See `Network.to_tflite`."""
        return convert_traced(self._traced(output, size))

    def answer(self, output: int, size: Size | None) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """See `Network.answer`."""
        traced = self._traced(output, size)
        specs = traced.structured_input_signature[0]
        image = image_port(self.inputs)
        tensors = [np.zeros(spec.shape, spec.dtype.as_numpy_dtype) for spec in specs]

        def run(tensor: NDArray[Any]) -> NDArray[np.float32]:
            import tensorflow as tf

            fed = [tensor.astype(empty.dtype) if i == image else empty for i, empty in enumerate(tensors)]
            return np.asarray(traced(*map(tf.constant, fed)), np.float32).reshape(-1)

        return run

    def entry(self, output: int, size: Size | None) -> Entry | None:
        """See `Network.entry`."""
        return entry_of(self._traced(output, size), image_port(self.inputs))

    def _traced(self, output: int, size: Size | None) -> Any:
        import tensorflow as tf

        specs = [
            tf.TensorSpec(static_shape(port, size or self.default_size), port.dtype, name=f"input_{i}")
            for i, port in enumerate(self.inputs)
        ]
        # Autograph would write source files into the folder for temporary files.
        function = tf.function(lambda *tensors: self.call(tensors)[output], autograph=False)
        try:
            return function.get_concrete_function(*specs)
        except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())
            found = ", ".join(str(tuple(spec.shape)) for spec in specs)
            msg = f"it cannot be run on input of shape {found} ({reason[:200]}). Check the size it was built for."
            raise ModelLoadError(msg) from error


def image_port(ports: Sequence[Port]) -> int:
    """Which of several inputs is the image: the one of the highest rank, the first of equals."""
    return max(range(len(ports)), key=lambda i: (len(ports[i].shape), -i))


def static_shape(port: Port, size: Size | None) -> tuple[int, ...]:
    """The shape of an input for a batch of one image.

    Raises:
        ModelLoadError: height or width is free and `size` is None, or something else is free.
    """
    unbatched = len(port.shape) == 3 and port.shape[2] in (1, 3) and port.shape[0] is not None
    shape = list(port.shape) if unbatched else [1, *port.shape[1:]]
    if None in shape[1:]:
        free = [i for i, n in enumerate(shape) if n is None]
        rows = (2, 3) if len(shape) == 4 and shape[1] in (1, 3) else (1, 2)
        if len(shape) == 4 and set(free) <= set(rows):
            if size is None:
                msg = f"its input {port} has no fixed size. Pass the size it was trained on: --input-size HEIGHTxWIDTH."
                raise ModelLoadError(msg)
            for row, length in zip(rows, size, strict=True):
                shape[row] = length if shape[row] is None else shape[row]
        else:
            msg = f"its input {port} has no fixed size. Build the model with a fixed input shape."
            raise ModelLoadError(msg)
    return tuple(int(n or 1) for n in shape)


def ports(specs: Mapping[str, Any]) -> tuple[Port, ...]:
    """Ports from TensorFlow's specs by name."""
    return tuple(Port(name, shape_of(spec.shape), spec.dtype.name) for name, spec in specs.items())


def shape_of(shape: Any) -> tuple[int | None, ...]:
    """A shape as plain numbers; empty where even the rank is free."""
    try:
        return tuple(None if n is None else int(n) for n in shape)
    except (TypeError, ValueError):  # of unknown rank
        return ()
