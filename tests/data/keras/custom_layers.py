"""The layer that custom.h5 needs, as people write it; `tensorflow.keras` is the Keras of whoever imports this."""

from tensorflow.keras.layers import Layer


class Squash(Layer):  # type: ignore[misc]
    """Gives back what it gets."""

    def call(self, inputs):  # type: ignore[no-untyped-def]
        """The inputs."""
        return inputs
