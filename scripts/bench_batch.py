"""Time a whole job against its longest part, and its memory against the number of photos.

    python scripts/bench_batch.py small --count 2000    # photos of 256 pixels; network alone
    python scripts/bench_batch.py large --count 100     # 12 megapixels; network, finishing alone
    python scripts/bench_batch.py memory --count 2000   # peak of so many photos and of a tenth
    python scripts/bench_batch.py huge                  # one photo of 108 megapixels, JPEG and TIFF

Photos are cut from those in examples/, each another part, so that no two are alike. All parts are
measured in one run, one after the other, on all cores: "alone" means in the same pipeline, with
only that stage. For comparison the networks are also run the plain way, photo after photo, with
PyTorch's own threads.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import discover
from colorflow.batch.painters import SamplePainter
from colorflow.batch.pipeline import Done, Pipeline, Stage
from colorflow.batch.run import available_cores, run_jobs
from colorflow.colorize import Colorizer
from colorflow.images.finish import Finisher
from colorflow.images.metadata import Metadata
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.write import encode_image
from colorflow.resources import bundled

# Runs the command in its arguments; prints CPU seconds and peak memory in KiB on standard error.
# The system's ru_maxrss counts the process that started this one, too; VmHWM of Linux does not.
MEASURED = """
import pathlib, resource, sys
from colorflow.cli.main import main
try:
    main()
finally:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak, status = usage.ru_maxrss, pathlib.Path("/proc/self/status")
    if status.exists():
        peak = int(status.read_text().split("VmHWM:")[1].split()[0])
    print(usage.ru_utime + usage.ru_stime, peak, file=sys.stderr)
"""
HUGE = 12000, 9000


def measured(command: Sequence[str]) -> tuple[float, float, float]:
    """Run a command in a process of its own.

    Args:
        command: arguments of ``colorflow``.

    Returns:
        Seconds by the clock, CPU seconds, and peak memory in MiB.
    """
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - start
    cpu, peak = run.stderr.split()[-2:]
    return wall, float(cpu), int(peak) / 1024


def make_photos(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write grey JPEGs, each a different part of an example.

    Args:
        folder: where to.
        count: how many.
        size: width and height.
    """
    generator = np.random.default_rng(0)
    examples = [Image.open(path).convert("L") for path in sorted(bundled("examples").glob("*.jpg"))]
    for number in range(count):
        picture = examples[number % len(examples)]
        left, top = generator.uniform(0, 0.4, 2) * picture.size
        box = (left, top, left + picture.width * 0.6, top + picture.height * 0.6)
        picture.resize(size, Image.Resampling.BICUBIC, box).save(folder / f"{number:05}.jpg")


def alone(items: Sequence[Any], work: Callable[[Any], Any]) -> float:
    """Time one stage on all cores.

    Args:
        items: what it works on.
        work: on one of them.

    Returns:
        Seconds.
    """

    def stage(batch: list[Any]) -> list[Any]:
        return [Done(work(item)) for item in batch]

    def fail(item: Any, error: Exception) -> list[Done]:
        raise error

    threads = {"compute": available_cores()}
    pipeline = Pipeline(iter(items), [Stage("it", stage, "compute")], 8, threads, fail)
    start = time.perf_counter()
    for _ in pipeline.run():
        pass
    return time.perf_counter() - start


def compare(folder: Path, samples: int, with_finishing: bool) -> None:
    """Time a job and its parts.

    Args:
        folder: of the photos.
        samples: per photo.
        with_finishing: time finishing alone, too.
    """
    colorizer = Colorizer.from_pretrained("photo", "cpu")
    painter = SamplePainter(colorizer, BatchConfig(samples=samples))
    jobs = discover([folder], folder / "out").jobs
    prepared = []
    for job in jobs:
        photo = read_photo(job.source)
        item = painter.prepare(photo, painter.identify(photo))
        if item is not None:
            # Only what the networks are given: a hundred large photos would not fit into memory.
            prepared.append((Photo(np.zeros((1, 1), np.uint8)), item[1], item[2]))
    network = alone(prepared, lambda item: painter.paint([item], 4))
    start = time.perf_counter()
    for item in prepared:
        colorizer.paint([item])
    plain = time.perf_counter() - start
    finishing = 0.0
    if with_finishing:
        chroma = colorizer.domain.chroma(painter.paint(prepared[:1], 4)[0][0].target)
        lightness = read_photo(jobs[0].source).lightness

        def finish(_: Any) -> None:
            finisher = Finisher(lightness)
            for _ in range(samples):
                encode_image(finisher.picture(chroma), ".jpg", Metadata())

        finishing = alone(jobs, finish)
    start = time.perf_counter()
    results = list(run_jobs(painter, jobs, BatchConfig(samples=samples)))
    whole = time.perf_counter() - start
    if any(result.status != "ok" for result in results):
        raise SystemExit(next(result.reason for result in results if result.status != "ok"))
    print(f"{len(jobs)} photos, {samples} variants each, {available_cores()} cores")
    print(f"job {whole:.1f} s, {len(jobs) / whole:.2f} photos/s")
    print(f"network alone, a photo per core: {network:.1f} s; job / network {whole / network:.2f}")
    print(f"network, photo after photo: {plain:.1f} s; job / that {whole / plain:.2f}")
    if with_finishing:
        longer = max(network, finishing)
        print(f"finishing alone: {finishing:.1f} s; job / longer of both {whole / longer:.2f}")


def memory(folder: Path, count: int, samples: int) -> None:
    """Compare the peak memory of a job with that of a tenth of it.

    Args:
        folder: of the photos.
        count: of photos.
        samples: per photo.
    """
    peaks = []
    for part, pattern in (("a tenth", "*0.jpg"), ("all", "*.jpg")):
        command = ["colorize", str(folder), "-o", str(folder / f"out_{len(peaks)}"), "--quiet"]
        command += ["--glob", pattern, "--samples", str(samples), "--device", "cpu"]
        peaks.append(measured(command)[2])
        print(f"{part}: {peaks[-1]:.0f} MiB", flush=True)
    print(json.dumps({"photos": count, "ratio": round(peaks[1] / peaks[0], 3)}))


def make_texture(size: tuple[int, int]) -> np.ndarray:
    """Make a grey picture with areas, edges, fine structure and grain, the same at every call.

    Args:
        size: width and height.

    Returns:
        float32 [height, width], in [0, 1].
    """
    generator = np.random.default_rng(0)
    values = np.full(size[::-1], 0.5, np.float32)
    for columns, strength in ((12, 0.24), (60, 0.12), (400, 0.06), (2000, 0.025)):
        rows = columns * size[1] // size[0]
        coarse = generator.standard_normal((rows, columns), np.float32) * strength
        values += np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    for row in values:
        row += generator.standard_normal(len(row), np.float32) * 0.01
    return np.clip(values, 0, 1, out=values)


def huge(folder: Path, samples: int) -> None:
    """Measure jobs of one large photo, as grey JPEG and as grey TIFF of 16 bits.

    Args:
        folder: where to make the photos.
        samples: per photo.
    """
    values = make_texture(HUGE)
    photos = {"JPEG": folder / "huge.jpg", "16-bit TIFF": folder / "huge.tif"}
    Image.fromarray((values * 255).round().astype(np.uint8)).save(photos["JPEG"], quality=92)
    Image.fromarray((values * 65535).round().astype(np.uint16)).save(photos["16-bit TIFF"])
    del values
    for kind, path in photos.items():
        command = ["colorize", str(path), "-o", str(folder / f"out_{path.suffix[1:]}"), "--quiet"]
        wall, cpu, peak = measured([*command, "--samples", str(samples), "--device", "cpu"])
        print(f"{kind}: {wall:.1f} s, {cpu:.1f} s of CPU, peak {peak:.0f} MiB", flush=True)


def main() -> None:
    """Make photos, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("small", "large", "memory", "huge"))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--samples", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.what == "huge":
            huge(folder, options.samples)
            return
        size = (4000, 3000) if options.what == "large" else (256, 256)
        make_photos(folder, options.count, size)
        if options.what == "memory":
            memory(folder, options.count, options.samples)
        else:
            compare(folder, options.samples, options.what == "large")


if __name__ == "__main__":
    main()
