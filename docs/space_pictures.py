"""Renders the pictures of docs/space.md: python -m docs.space_pictures [directions channels maps scenes]."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from latentart import pixels
from latentart.latent import composition, direction_files, space
from latentart.latent.discovery import stylespace
from latentart.latent.discovery.stylespace import Channel
from latentart.models.load import load
from latentart.render import direction_sheet
from latentart.render import film as films
from latentart.render import map as maps
from latentart.render.film import Film
from latentart.render.frames import frames

IMAGES = Path(__file__).parent / "images" / "space"
LETTERS = "A,g,R,e,S,k,B"
CHANNELS = [("b8.conv1", 183), ("b8.conv1", 116), ("b8.conv1", 151), ("b8.conv1", 173), ("b8.conv0", 136)]
BENDS = (
    ("rotate=0..40..0@b8.conv1", 46),
    ("dilate=0..0.15..0@b32.conv1", 11),
    ("scale=0..0.7..0@b16.conv0", 46),
    ("invert=0..1..0@b64.conv1", 3),
)


def save(name: str, picture: pixels.Frame) -> None:
    """One WebP of docs/images/space."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.webp"
    pixels.to_image(picture).save(path, "WEBP", quality=85)
    print(path, picture.shape)


def directions() -> None:
    """The sheets of both models."""
    for network, seeds, classes in (("landscapes-256", [46, 21, 3, 10], None), ("glyphs-64", [15, 7, 3], LETTERS)):
        G = load(network, "cpu")
        book = direction_files.of_network(G, network)
        save(network, direction_sheet.sheet(G, book, seeds, classes=classes, cell=112))


def channels() -> None:
    """Single styles that mean something."""
    G = load("landscapes-256", "cpu")
    ws = space.to_ws(G, space.z_of(G, [46, 11, 3]), psi=0.7)
    found = [Channel(layer, number, 0.0) for layer, number in CHANNELS]
    save("channels", direction_sheet.channels(G, found, ws, cell=112))
    print(stylespace.ranked(G, ws, count=1)[0])


def planes() -> None:
    """Three maps."""
    G = load("landscapes-256", "cpu")
    book = direction_files.of_network(G, "landscapes-256")
    save("map-axes", maps.draw(G, maps.axes(G, book, ("ember", "bright"), columns=9, seed=46), 96))
    save("map-seeds", maps.draw(G, maps.seeds(G, range(144)), 72))
    letters = load("glyphs-64", "cpu")
    save("map-classes", maps.draw(letters, maps.classes(letters), 36))


def scenes() -> None:
    """Bends over a loop; a panorama; a tile; four latents in one picture."""
    G = load("landscapes-256", "cpu")
    rows = []
    for bend, seed in BENDS:
        film = Film(seeds=(seed,), seconds=1, fps="14", psi=0.7, bends=(bend,))
        path = films.make_path(film, G)
        scene = films.make_scene(film, G, path)
        rows += [next(frames(G, path, scene=scene, start=i, size=(128, 128))) for i in range(0, 8)]
    save("bends", pixels.sheet(rows, 8, gap=2, background=250))
    ws = space.to_ws(G, space.z_of(G, [46, 10, 3, 21]), psi=0.7)
    masks = composition.grid(1, 4, soft=1.0, wrap=(False, True))
    wide = composition.compose(G, ws, masks, tiles=(1, 4), wrap=(False, True))
    save("panorama", pixels.to_uint8(wide)[0])
    tile = pixels.to_uint8(composition.compose(G, ws[:1], wrap=(True, True)))[0]
    save("tile", np.tile(tile, (2, 3, 1)))


PARTS = {"directions": directions, "channels": channels, "maps": planes, "scenes": scenes}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
