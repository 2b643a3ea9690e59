"""Photos -> what EfficientNet-Lite0 sees in them, for everything that compares photos by content.

Computed in ai-edge-litert, one process a core: several times faster than TensorFlow on a network of this size, and
each photo gives the same numbers whatever stands beside it.
"""

from __future__ import annotations

import contextlib
import os
import types
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from edgekit.card import InputSpec
from edgekit_export.convert import convert_traced
from edgekit_export.device import DeviceRuntime
from edgekit_export.errors import VerificationError
from edgekit_export.learn.lite0 import build_lite0

EMBEDDING_SIZE = 1280


class Embedder:
    """Processes that turn pixels into embeddings. A context: leaving it ends them.

    Args:
        height: Of the pixels that it takes; smaller is faster and sees less.
        width: As `height`.
        processes: 0 for one a core.

    Attributes:
        spec: How a photo becomes the pixels that it takes.
        network: What it computes, a float `.tflite`.

    Raises:
        MissingPackageError: the package with the weights is not installed.
    """

    def __init__(self, height: int = 224, width: int = 224, *, processes: int = 0) -> None:
        self.spec = InputSpec(height, width, 3, (0.0,), (1.0,))
        self.network = network = _network(height, width)
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            devices = (DeviceRuntime(network, "litert", "default") for _ in range(processes or os.cpu_count() or 1))
            self._devices = [stack.enter_context(device) for device in devices]
            self._stack = stack.pop_all()

    def embed(self, photos: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        """For each photo, uint8 (height, width, 3), its embedding, float32 (1280,), in order."""
        free, busy = deque(self._devices), deque[DeviceRuntime]()
        try:
            for pixels in photos:
                if not free:
                    free.append(busy.popleft())
                    yield free[0].receive("a photo")
                device = free.popleft()
                device.send(pixels.astype(np.float32), "a photo")
                busy.append(device)
            while busy:
                yield busy.popleft().receive("a photo")
        finally:  # whoever stops early must not leave answers behind for the next photos
            for device in busy:
                with contextlib.suppress(VerificationError):
                    device.receive("a photo")

    def close(self) -> None:
        """End the processes."""
        self._stack.close()

    def __enter__(self) -> Embedder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()


def _network(height: int, width: int) -> bytes:
    """A float `.tflite` from pixels 0..255, float32 (1, height, width, 3), to (1, 1280)."""
    import keras
    import tensorflow as tf

    backbone = build_lite0(height, width)
    image = keras.Input((height, width, 3))
    features = backbone(keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(features))
    call = tf.function(lambda pixels: model(pixels, training=False))
    return convert_traced(call.get_concrete_function(tf.TensorSpec((1, height, width, 3), tf.float32)))
