"""Directions, bends and compositions: what they cost, and how exact they are, beside a reference each.

python -m benchmarks.directions [--samples 1000000] [--pictures 6] [--only pca sefa calibration exactness]
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from latentart.features.load import lpips
from latentart.latent import bending, composition, directions, space
from latentart.latent.axes import pca, sefa
from latentart.latent.directions import Directions
from latentart.latent.discovery import calibrate
from latentart.models.base import Generator
from latentart.models.load import load


def main() -> None:
    """Prints one line for each claim."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="landscapes-256")
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    G = load(options.network, "cpu")
    for name in options.only:
        PARTS[name](G, options)


def principal_axes(G: Generator, options: argparse.Namespace) -> None:
    """Time and memory of PCA; the angle to the subspace that scikit-learn finds in the same latents."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, used = time.perf_counter(), time.process_time()
    found = directions.pca(G, count=20, samples=options.samples)
    took, used = time.perf_counter() - began, time.process_time() - used
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"pca, {options.samples} samples           {took:.1f} s on {torch.get_num_threads()} threads   (claim <= 60 s)"
    )
    print(f"pca, processor time          {used:.1f} s, what counts where others share the machine")
    print(f"pca, memory                  {after / 1024:.0f} MB in all, {(after - before) / 1024:.0f} MB of it for this")
    few = min(options.samples, 100_000)
    mine = np.stack([d.vector for d in directions.pca(G, count=20, samples=few)])
    units = mine / np.linalg.norm(mine, axis=1, keepdims=True)
    print(f"pca, angle to the reference  {_angle(units, _reference(G, few)):.1e} with {few} samples   (claim <= 1e-3)")
    print(f"pca, widest axes             {np.linalg.norm(found.items[0].vector):.2f} to "
          f"{np.linalg.norm(found.items[-1].vector):.2f}")  # fmt: skip


def _reference(G: Generator, samples: int) -> np.ndarray:  # type: ignore[type-arg]
    """The first 20 components of the same stream, by scikit-learn's IncrementalPCA; by NumPy where that is missing."""
    try:
        from sklearn.decomposition import IncrementalPCA
    except ImportError:
        print("pca, reference               NumPy's SVD: pip install scikit-learn for IncrementalPCA")
        w = torch.cat(list(pca.ws_stream(G, samples))).double().numpy()
        return np.linalg.svd(w - w.mean(axis=0), full_matrices=False)[2][:20]
    reference = IncrementalPCA()
    for w in pca.ws_stream(G, samples):
        reference.partial_fit(w.double().numpy())
    found: np.ndarray = reference.components_[:20]  # type: ignore[type-arg]
    return found


def _angle(a: np.ndarray, b: np.ndarray) -> float:  # type: ignore[type-arg]
    """Sine of the largest principal angle between two subspaces: what of `a` lies outside `b`."""
    return float(np.linalg.norm(a - (a @ b.T) @ b, 2))


def closed_form(G: Generator, options: argparse.Namespace) -> None:
    """Time of SeFa for each group of layers, and how well its axes solve the published eigenproblem."""
    for group in ("coarse", "middle", "fine", "all"):
        began, used = time.perf_counter(), time.process_time()
        directions.sefa(G, count=10, layers=group)
        took, used = time.perf_counter() - began, time.process_time() - used
        matrix = sefa.affines(G, group)
        products = matrix.T @ matrix
        worst = max(
            float(np.linalg.norm(products @ axis - (axis @ products @ axis) * axis) / (axis @ products @ axis))
            for axis in sefa.axes(matrix, 10)
        )
        print(
            f"sefa, {group:6}                 {took:.1f} s, {used:.2f} s of processor, residual {worst:.1e}   "
            "(claims <= 5 s, <= 1e-5)"
        )


def calibration(G: Generator, options: argparse.Namespace) -> None:
    """Perceptual step of every unit of 20 directions, on pictures that were not calibrated on."""
    book = Directions(directions.pca(G, count=8, samples=100_000).items)
    for group in ("coarse", "middle", "fine"):
        book = book.like([*book, *directions.sefa(G, count=4, layers=group)])
    distance = lpips()
    began = time.perf_counter()
    even = calibrate.calibrated(calibrate.ground(G, distance, options.pictures), book)
    print(
        f"calibration of {len(book)} directions  {time.perf_counter() - began:.0f} s, one unit is LPIPS {even.step:.3f}"
    )
    unseen = calibrate.ground(G, distance, options.pictures, first=9000)
    for name, some in (("uncalibrated", book), ("calibrated", even)):
        steps = np.array([unseen.distances(d, (-2, -1, 0, 1, 2)) for d in some])
        means = steps.mean(axis=1)
        print(f"step per unit, {name:13} variation {means.std() / means.mean():.2f} over directions, "
              f"{steps.std() / steps.mean():.2f} over all steps   (claim <= 0.25)")  # fmt: skip


def exactness(G: Generator, options: argparse.Namespace) -> None:
    """Bends at zero, and the step over the borders of tiles against the median step."""
    ws = space.to_ws(G, space.z_of(G, [46, 10, 3]), psi=0.7)
    with torch.inference_mode():
        bends = bending.Bends(G, [f"{op}=0@all" for op in (*bending.OPS, bending.STYLE)])
        same = torch.equal(bends.at(np.zeros(1))(ws[:1]), G.synthesis(ws[:1]))
    print(f"bends at zero                {'bit for bit the picture' if same else 'DIFFERENT'}")
    tile = composition.compose(G, ws[:1], wrap=(True, True))
    masks = composition.grid(1, 3, soft=1.0, wrap=(False, True))
    wide = composition.compose(G, ws, masks, tiles=(1, 3), wrap=(False, True))
    borders = {"tile, across": (tile, 3, [-1]), "tile, down": (tile, 2, [-1]), "three wide": (wide, 3, [255, 511, -1])}
    plain = G.synthesis(ws[:1]).detach()
    print(f"seam without wrapping        {_seam(plain, 3, -1):.2f} across, {_seam(plain, 2, -1):.2f} down")
    for name, (img, axis, places) in borders.items():
        steps = ", ".join(f"{_seam(img, axis, place):.2f}" for place in places)
        print(f"seam, {name:22} {steps} x the median step   (claim <= 1.5)")


def _seam(img: torch.Tensor, axis: int, place: int) -> float:
    steps = (img.roll(-1, axis) - img).abs().mean(dim=[i for i in range(4) if i != axis])
    return float(steps[place] / steps.median())


PARTS = {"pca": principal_axes, "sefa": closed_form, "calibration": calibration, "exactness": exactness}


if __name__ == "__main__":
    main()
