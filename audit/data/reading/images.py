"""Images -> one table: IDX files (MNIST's layout), a folder with metadata.csv, or arrays (.npz).

The column ``image`` holds each image as bytes, row-major uint8, all of the shape that
``Table.shapes["image"]`` tells: (height, width) or (height, width, 3). What strangers hand over is
read as data: no pickle, no path outside the folder, and sizes are checked before they are believed.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.data.formats.arrays import arrays_of
from evenhand.audit.data.formats.idx import idx_array
from evenhand.audit.data.formats.limits import Limits, read_within
from evenhand.audit.data.reading.one_file import read_file
from evenhand.audit.data.table import Table
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.canonical import digest_file, digest_json
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np

Part = Literal["train", "test"]
IMAGE, LABEL = "image", "label"
METADATA = "metadata.csv"
MAX_PIXELS = 1 << 30  # of all images together; a gigabyte in memory
MAX_IMAGE_PIXELS = 1 << 24  # of one
_FILE_COLUMNS = ("file", "file_name")
_IDX = re.compile(r"(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_TEST_WAS_READ = because("test-split-read")


@dataclass(frozen=True)
class _Read:
    """Pixels (n, ...) uint8, the other columns, the files' digest and notes."""

    pixels: np.ndarray
    columns: dict[str, Any]
    digest: str
    notes: Reasons = ()


def holds_images(path: str | Path) -> bool:
    """Whether there are images at a path, in a layout that ``read_images`` knows."""
    place = Path(path)
    if place.is_dir():
        return (place / METADATA).is_file() or bool(_idx_files(place))
    return place.is_file() and zipfile.is_zipfile(place) and _is_npz(place)


def read_images(path: str | Path, split: Part | None = None) -> Table:
    """Reads images with their labels and whatever else is known of them.

    Columns: ``image``, ``label`` and those of the metadata (or the other arrays of an .npz).
    ``split`` chooses the part, where the data come with one (IDX names, or a column ``split`` of
    train and test); without it the test part is read where there is one, and every row otherwise.

    Raises InputError for files that are missing, truncated, of another format, of counts or sizes
    that do not fit together, or over ``MAX_PIXELS``.
    """
    place = Path(path)
    if not place.exists():
        siblings = (p.name for p in place.parent.glob("*")) if place.parent.is_dir() else ()
        raise InputError("no images at {place}", remedy=nearest(place.name, siblings), place=place)
    with read_within(place, Limits()):
        if _is_idx(place):
            return _read_idx(place, split)
        return _select(_load(place), place, split)


def read_parts(path: str | Path) -> tuple[Table, Table | None]:
    """The training images and, where the data come with a test split, the test images.

    Raises InputError as ``read_images`` does.
    """
    place = Path(path)
    if not place.exists():
        return read_images(place), None
    with read_within(place, Limits()):
        if _is_idx(place):
            has_test = any(part == "test" for part, _ in _idx_files(place))
            return _read_idx(place, "train"), _read_idx(place, "test") if has_test else None
        found = _load(place)
        if "split" not in found.columns:
            return _select(found, place, None), None
        return _select(found, place, "train"), _select(found, place, "test")


def _is_idx(place: Path) -> bool:
    return place.is_dir() and not (place / METADATA).is_file()


def _load(place: Path) -> _Read:
    return _read_folder(place) if place.is_dir() else _read_npz(place)


def _select(images: _Read, place: Path, split: Part | None) -> Table:
    """The rows of the wanted part; the column ``split`` is left out."""
    import numpy as np

    if "split" not in images.columns:
        if split is not None:
            raise InputError(
                "{place} has no split {split!r}",
                remedy="add a column 'split'",
                place=place,
                split=split,
            )
        return _table(images, place)
    parts = np.asarray([str(p) for p in images.columns["split"]])
    odd = sorted(set(parts) - {"train", "test"})
    if odd:
        raise InputError(
            "{place}: split={odd!r} is neither 'train' nor 'test'",
            remedy="correct the column",
            place=place,
            odd=odd[0],
        )
    chosen = split or ("test" if "test" in parts else "train")
    keep = parts == chosen
    if not keep.any():
        raise InputError(
            "{place} has no rows of split {chosen!r}", remedy="add some", place=place, chosen=chosen
        )
    columns = {k: np.asarray(v, dtype=object)[keep] for k, v in images.columns.items()}
    del columns["split"]
    notes = _TEST_WAS_READ if split is None and chosen == "test" else ()
    return _table(replace(images, pixels=images.pixels[keep], columns=columns), place, notes)


def _table(images: _Read, place: Path, notes: Reasons = ()) -> Table:
    import pandas as pd

    n, shape = len(images.pixels), tuple(images.pixels.shape[1:])
    if 0 in shape:
        raise InputError(
            "the images of {place} are of {size} pixels",
            remedy="write them with their pixels",
            place=place,
            size=" x ".join(map(str, shape)),
        )
    if n == 0:
        raise InputError("{place} holds no images", remedy="add some", place=place)
    size = math.prod(shape)
    raw = images.pixels.tobytes()
    cells = [raw[i * size : (i + 1) * size] for i in range(n)]
    frame = pd.DataFrame({IMAGE: pd.Series(cells, dtype=object)})
    for name, values in images.columns.items():
        frame[name] = pd.Series(list(values)).infer_objects()
    told = images.notes + notes
    return Table(frame, str(place), images.digest, told, {IMAGE: shape})


# --- IDX: a magic number, the sizes as big-endian 32-bit numbers, then the bytes


def _idx_files(folder: Path) -> dict[tuple[str, str], Path]:
    """(part, "images" or "labels") -> file; where both are there, the one that is not packed."""
    found: dict[tuple[str, str], Path] = {}
    for file in sorted(folder.iterdir()):
        match = _IDX.fullmatch(file.name)
        if match and file.is_file():
            part = "train" if match[1] == "train" else "test"
            found.setdefault((part, match[2]), file)
    return found


def _read_idx(folder: Path, split: Part | None) -> Table:
    files = _idx_files(folder)
    parts = {part for part, _ in files}
    part = split or ("test" if "test" in parts else "train")
    notes = _TEST_WAS_READ if split is None and len(parts) > 1 else ()
    pair = []
    for what in ("images", "labels"):
        if (part, what) not in files:
            prefix = "train" if part == "train" else "t10k"
            digits = 3 if what == "images" else 1
            raise InputError(
                "{folder} lacks {prefix}-{what}-idx{digits}-ubyte.gz",
                remedy="put IDX images and labels, or a metadata.csv with images, in the folder",
                folder=folder,
                prefix=prefix,
                what=what,
                digits=digits,
            )
        pair.append(files[part, what])
    pixels, labels = idx_array(pair[0], 3, MAX_PIXELS), idx_array(pair[1], 1, MAX_PIXELS)
    if len(pixels) != len(labels):
        raise InputError(
            "{pair} holds {n_pixels} images, {pair_2} {n_labels} labels",
            remedy="use files that belong together",
            pair=pair[0],
            n_pixels=len(pixels),
            pair_2=pair[1],
            n_labels=len(labels),
        )
    digest = digest_json({file.name: digest_file(file) for file in pair})
    return _table(_Read(pixels, {LABEL: labels.astype("int64")}, digest), folder, notes)


# --- a folder of PNG and JPEG files, and a table about them


def _read_folder(folder: Path) -> _Read:
    table = read_file(folder / METADATA)
    name = next((c for c in _FILE_COLUMNS if c in table.frame.columns), None)
    if name is None:
        raise InputError(
            "{folder} lacks a column 'file'",
            remedy="name each image's file in it",
            folder=folder / METADATA,
        )
    table.require([LABEL], "column")
    if IMAGE in table.frame.columns:
        raise InputError(
            "{folder} has a column {image!r}",
            remedy="rename it: the pixels go there",
            folder=folder / METADATA,
            image=IMAGE,
        )
    files = [_inside(folder, str(cell)) for cell in table.frame[name]]
    pixels, notes = _decode_all(files)
    columns = {c: table.frame[c].to_numpy() for c in table.frame.columns if c != name}
    digests = {f.relative_to(folder.resolve()).as_posix(): digest_file(f) for f in files}
    digest = digest_json({METADATA: table.digest, **digests})
    return _Read(pixels, columns, digest, table.notes + notes)


def _inside(folder: Path, name: str) -> Path:
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise InputError(
            "{folder} names {name!r}, which is outside the folder",
            remedy="keep the images in the folder",
            folder=folder / METADATA,
            name=name,
        )
    if not file.is_file():
        siblings = (p.name for p in file.parent.glob("*")) if file.parent.is_dir() else ()
        raise InputError("no image at {file}", remedy=nearest(file.name, siblings), file=file)
    return file


def _decode_all(files: list[Path]) -> tuple[np.ndarray, Reasons]:
    """Every image, grey where all are grey, with three colours otherwise; one size."""
    import numpy as np

    decoded: list[np.ndarray] = []
    total = 0
    for file in files:
        pixels = _decode(file)
        if decoded and pixels.shape[:2] != decoded[0].shape[:2]:
            raise InputError(
                "{file} is {pixels}, {files} is {decoded}",
                remedy="scale all images to one size",
                file=file,
                pixels=_size(pixels),
                files=files[0],
                decoded=_size(decoded[0]),
            )
        total += pixels.size
        if total > MAX_PIXELS:
            raise InputError(
                "the images hold over {max_pixels:,} values",
                remedy="use fewer or smaller ones",
                max_pixels=MAX_PIXELS,
            )
        decoded.append(pixels)
    if not decoded:
        return np.zeros((0, 1, 1), dtype=np.uint8), ()
    n_grey = sum(p.ndim == 2 for p in decoded)
    if n_grey in (0, len(decoded)):
        return np.stack(decoded), ()
    in_colour = [np.repeat(p[..., None], 3, axis=2) if p.ndim == 2 else p for p in decoded]
    return np.stack(in_colour), because("grey-read-as-colour", n=n_grey)


def _decode(file: Path) -> np.ndarray:
    """One PNG or JPEG file: (height, width) or (height, width, 3)."""
    import warnings

    import numpy as np
    from PIL import Image, ImageFile, UnidentifiedImageError

    # Other libraries (WeasyPrint) let Pillow fill up what is missing of a picture, process-wide.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of broken metadata, which is not read
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MAX_IMAGE_PIXELS:
                    raise InputError(
                        "{file} has {width} x {height} pixels, over {max_image_pixels:,}",
                        remedy="scale it down",
                        file=file,
                        width=image.width,
                        height=image.height,
                        max_image_pixels=MAX_IMAGE_PIXELS,
                    )
                return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    except Image.DecompressionBombError as error:  # Pillow looks first, at twice its own limit
        raise InputError(
            "{file} announces more pixels than any image has: {error}",
            remedy="scale it down",
            file=file,
            error=error,
        ) from None
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, zlib.error) as error:
        raise InputError(
            "{file} is not a readable PNG or JPEG image: {error}",
            remedy="replace it",
            file=file,
            error=error,
        ) from None


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


# --- arrays


def _is_npz(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return "images.npy" in archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False


def _read_npz(file: Path) -> _Read:
    arrays = arrays_of(file, most=MAX_PIXELS)
    lacking = [name for name in ("images", "labels") if name not in arrays]
    if lacking:
        raise InputError(
            "{file} lacks the array {lacking!r}",
            remedy=nearest("", arrays),
            file=file,
            lacking=lacking[0],
        )
    pixels = arrays.pop("images")
    is_image = pixels.ndim == 3 or (pixels.ndim == 4 and pixels.shape[3] in (1, 3))
    if pixels.dtype.name != "uint8" or not is_image:
        raise InputError(
            "{file}: images are {dtype} {pixels_shape}, not uint8 (n, height, width) or "
            "(n, height, width, 3)",
            remedy="save them as bytes from 0 to 255",
            file=file,
            dtype=pixels.dtype,
            pixels_shape=pixels.shape,
        )
    if pixels.ndim == 4 and pixels.shape[3] == 1:
        pixels = pixels[..., 0]
    columns = {LABEL: arrays.pop("labels"), **arrays}
    for name, values in columns.items():
        if values.shape != (len(pixels),):
            raise InputError(
                "{file}: array {name!r} has shape {values_shape}, there are {n_pixels} images",
                remedy="give every array one value an image",
                file=file,
                name=name,
                values_shape=values.shape,
                n_pixels=len(pixels),
            )
    if IMAGE in columns:
        raise InputError(
            "{file} has an array {image!r}", remedy="rename it", file=file, image=IMAGE
        )
    return _Read(pixels, columns, digest_file(file))
