"""The small sets that scikit-learn ships as files: read without importing scikit-learn, which takes seconds."""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lamina.data.dataset import Column, Dataset
from lamina.errors import DataError, did_you_mean
from lamina.kinds import Image, Label, Value, Vector

IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
WINE = (
    *("alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols", "flavanoids"),
    *("nonflavanoid phenols", "proanthocyanins", "color intensity", "hue", "od280/od315 of diluted wines", "proline"),
)
CELL = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points"),
    *("symmetry", "fractal dimension"),
)
BREAST_CANCER = (
    *(f"mean {measure}" for measure in CELL),
    *(f"{measure} error" for measure in CELL),
    *(f"worst {measure}" for measure in CELL),
)
DIABETES = ("age", "sex", "body mass index", "blood pressure", "tc", "ldl", "hdl", "tch", "ltg", "glucose")

FILES = {
    "digits": ("digits.csv.gz",),
    "iris": ("iris.csv",),
    "wine": ("wine_data.csv",),
    "breast-cancer": ("breast_cancer.csv",),
    "diabetes": ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"),
}
FEATURES = {"iris": IRIS, "wine": WINE, "breast-cancer": BREAST_CANCER, "diabetes": DIABETES}


def read_embedded(name: str) -> Dataset:
    """One of the five sets that need no download: digits, iris, wine, breast-cancer or diabetes.

    Raises:
        DataError: if there is no such set, or scikit-learn's file of it is missing or not as it was.

    >>> read_embedded("digits").inputs.kind
    Image(1, 8, 8)
    """
    if name not in FILES:
        raise DataError(f"{name!r} is not embedded{did_you_mean(name, FILES)}")
    paths = [_folder() / file for file in FILES[name]]
    try:
        texts = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in paths]
        if name == "digits":
            return _digits(texts[0])
        if name == "diabetes":
            return _diabetes(*texts)
        return _labelled(name, texts[0])
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(
            f"{paths[0]}: expected the {name} data as scikit-learn ships it, cannot read it ({error}); "
            "install scikit-learn anew"
        ) from None


def _folder() -> Path:
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise DataError("the embedded sets are files of scikit-learn, which is not installed: pip install scikit-learn")
    return Path(found.submodule_search_locations[0], "datasets", "data")


def _numbers(text: bytes, columns: int, dtype: type[np.generic]) -> Tensor:
    """The numbers of a table whose cells are parted by commas or by blanks."""
    separator = "," if b"," in text else " "
    cells = text.decode().rstrip().replace("\n", separator)
    return torch.from_numpy(np.fromstring(cells, dtype=dtype, sep=separator).reshape(-1, columns))


def _digits(text: bytes) -> Dataset:
    numbers = _numbers(text, 65, np.uint8)
    # Each number counts the dark pixels in a 4 x 4 block of the scan, so it runs from 0 to 16.
    inputs = Column(numbers[:, :64].reshape(-1, 1, 8, 8), Image(1, 8, 8), scale=1 / 16)
    return Dataset("digits", inputs, Column(numbers[:, 64].long(), Label(10)), classes=tuple("0123456789"))


def _labelled(name: str, text: bytes) -> Dataset:
    first, _, rest = text.partition(b"\n")
    _, width, *classes = first.decode().strip().split(",")
    numbers = _numbers(rest, int(width) + 1, np.float64)
    inputs = Column(numbers[:, :-1].float(), Vector(int(width)))
    target = Column(numbers[:, -1].long(), Label(len(classes)))
    return Dataset(name, inputs, target, classes=tuple(classes), features=FEATURES[name])


def _diabetes(inputs: bytes, target: bytes) -> Dataset:
    features = _numbers(inputs, len(DIABETES), np.float64).float()
    progression = _numbers(target, 1, np.float64).float()
    return Dataset(
        "diabetes", Column(features, Vector(len(DIABETES))), Column(progression, Value(1)), features=DIABETES
    )
