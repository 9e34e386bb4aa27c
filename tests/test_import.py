"""Weights of other systems: the same answers, the same model from every form of file, and nothing in a file is run."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from command.conftest import called
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Picture
from torch import Tensor, nn

import lamina as la
from lamina.data.sources.arrays import from_arrays
from lamina.errors import RunError, SentenceError
from lamina.imported.architectures import CIFAR, known, small_resnet
from lamina.imported.convert import import_model, model_of, read_names
from lamina.imported.reading import read_tensors


class Block(nn.Module):
    """A residual block with torchvision's names; `wider` is 1 for two convolutions and 4 for a bottleneck."""

    def __init__(self, given: int, width: int, stride: int, wider: int) -> None:
        super().__init__()
        self.relu, gives = nn.ReLU(), width * wider
        window = (3, stride, 1) if wider == 1 else (1, 1, 0)
        self.conv1 = nn.Conv2d(given, width, *window, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1 if wider == 1 else stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if wider > 1:
            self.conv3, self.bn3 = nn.Conv2d(width, gives, 1, bias=False), nn.BatchNorm2d(gives)
        if stride > 1 or given != gives:
            self.downsample = nn.Sequential(nn.Conv2d(given, gives, 1, stride, bias=False), nn.BatchNorm2d(gives))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if hasattr(self, "conv3"):
            y = self.bn3(self.conv3(self.relu(y)))
        return self.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class TheirResNet(nn.Module):
    """Torchvision's ResNet, in short."""

    def __init__(self, blocks: tuple[int, ...], wider: int, classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        given = 64
        for stage, count in enumerate(blocks):
            made = []
            for place in range(count):
                made.append(Block(given, 64 * 2**stage, 2 if stage and not place else 1, wider))
                given = 64 * 2**stage * wider
            setattr(self, f"layer{stage + 1}", nn.Sequential(*made))
        self.fc = nn.Linear(given, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


def their_alexnet(classes: int) -> nn.Module:
    """Torchvision's AlexNet."""
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),
        nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    classifier = nn.Sequential(
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, classes),
    )  # fmt: skip
    return nn.Sequential(OrderedDict(features=features, flatten=nn.Flatten(), classifier=classifier))


def seasoned(net: nn.Module) -> nn.Module:
    """A net whose norms have statistics and scales of their own, as trained ones have."""
    random = torch.Generator().manual_seed(5)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight.data, part.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=random) + 0.5)
            for tensor in (part.bias.data, part.running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=random) / 5)
    return net.eval()


def plain(net: nn.Module) -> dict[str, Tensor]:
    return {name: held for name, held in net.state_dict().items() if not name.endswith("num_batches_tracked")}


NETS: dict[str, tuple[Callable[[], nn.Module], int, str]] = {
    "resnet18": (lambda: TheirResNet((2, 2, 2, 2), 1, 11), 64, "ResNet(18)"),
    "resnet50": (lambda: TheirResNet((3, 4, 6, 3), 4, 11), 64, "ResNet(50)"),
    "alexnet": (lambda: their_alexnet(11), 224, "AlexNet()"),
}


@pytest.mark.parametrize("name", NETS)
def test_an_imported_net_answers_as_the_net_that_it_came_from(name: str) -> None:
    make, side, body = NETS[name]
    torch.manual_seed(0)
    theirs = seasoned(make())
    model, architecture, tensors = model_of(plain(theirs), Path("w.pth"))
    assert architecture.name == f"torchvision's {name}"
    assert tensors == len(plain(theirs))
    assert model.net.sentence() == f"Standardize() >> {body} >> Classify()"
    assert model.net.parameter_count() == sum(parameter.numel() for parameter in theirs.parameters())
    assert model.classes == tuple(map(str, range(11)))
    x = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(7))
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        expected = theirs((x - mean.view(3, 1, 1)) / deviation.view(3, 1, 1))
        ours = model.net(x)
    scale = float(expected.abs().max())
    torch.testing.assert_close(ours / scale, expected / scale, atol=1e-5, rtol=0)


# --- files ---------------------------------------------------------------------------------------------------------


def small(classes: int = 10) -> dict[str, Tensor]:
    """Tensors of a CIFAR ResNet-20 with random weights, as other systems name them."""
    random, found = torch.Generator().manual_seed(3), OrderedDict()
    net = la.build("ResNet(20, small=True) >> Classify()", la.Image(3, 32, 32), la.Label(classes))
    shapes = iter(net.state_dict().values())
    for name in small_resnet(20).names():
        found[name] = torch.randn(next(shapes).shape, generator=random) / 10
        if name.endswith("running_var"):
            found[name].abs_().add_(0.5)
    return found


def written(path: Path, form: str) -> Path:
    """A file with these tensors in one of the forms that are about."""
    tensors = small()
    counters = {
        f"{name[:-12]}.num_batches_tracked": torch.tensor(7) for name in tensors if name.endswith("running_mean")
    }
    prefixed = {f"module.{name}": held for name, held in {**tensors, **counters}.items()}
    if form == "safetensors":
        safetensors.torch.save_file(dict(reversed(tensors.items())), path / "w.safetensors")
        return path / "w.safetensors"
    if form == "zip":
        torch.save(tensors, path / "w.pth")
        return path / "w.pth"
    if form == "parameters":
        torch.save({"epoch": 3, "model": {name: nn.Parameter(held) for name, held in tensors.items()}}, path / "w.pt")
        return path / "w.pt"
    held = {"state_dict": OrderedDict(prefixed), "best_prec1": 91.78}
    torch.save(held, path / "w.th", _use_new_zipfile_serialization=False)
    return path / "w.th"


@pytest.mark.parametrize("form", ["safetensors", "zip", "parameters", "legacy"])
def test_every_form_of_file_becomes_the_same_model_which_loads_alone(tmp_path: Path, form: str) -> None:
    model, architecture, tensors = import_model(written(tmp_path, form))
    assert (architecture.name, tensors, model.classes) == ("a CIFAR resnet20", 97, CIFAR)
    model.save(tmp_path / "model")
    loaded = la.load(tmp_path / "model")
    state = loaded.net.state_dict()
    assert torch.equal(state["body.0.mean"], torch.tensor([0.485, 0.456, 0.406]))
    assert torch.equal(state["body.0.deviation"], torch.tensor([0.229, 0.224, 0.225]))
    assert torch.equal(state["end.weight"], small()["linear.weight"])
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    assert torch.equal(loaded.predict(pixels).probabilities, model.predict(pixels).probabilities)
    assert loaded.scale == 1 / 255
    assert loaded.pictures is not None
    assert (loaded.pictures.height, loaded.pictures.channels) == (32, 3)


def test_halves_are_read_as_whole_floats(tmp_path: Path) -> None:
    torch.save({name: held.half() for name, held in small().items()}, tmp_path / "w.pt")
    assert {held.dtype for held in read_tensors(tmp_path / "w.pt").values()} == {torch.float32}


def refused(path: Path, *more: Any) -> str:
    with pytest.raises(RunError) as error:
        import_model(path, *more)
    return str(error.value).replace(f"{path.parent}/", "")


def saved(tmp_path: Path, held: Any, name: str = "w.pth", **how: Any) -> Path:
    torch.save(held, tmp_path / name, **how)
    return tmp_path / name


class Payload:
    """What a pickle of an attacker holds: a call that leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


ADVICE = "nothing in it was run: save the state dict, torch.save(net.state_dict(), ...), or better as .safetensors"


@pytest.mark.parametrize("how", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "legacy"])
@pytest.mark.parametrize("place", ["alone", "beside", "within"])
def test_code_in_a_file_is_refused_and_does_not_run(tmp_path: Path, how: dict, place: str) -> None:
    mark = tmp_path / "mark"
    payload = Payload(mark)
    held = {"alone": payload, "beside": {**small(), "x": payload}, "within": {"state_dict": small(), "more": [payload]}}
    path = saved(tmp_path, held[place], **how)
    system = os.system.__module__
    assert refused(path) == f"w.pth: expected tensors alone, got a file that calls upon '{system}.system'; {ADVICE}"
    assert not mark.exists()


@pytest.mark.parametrize("protocol", [0, 1, 3, 4, 5])
def test_code_in_pickles_of_other_protocols_is_refused_and_does_not_run(tmp_path: Path, protocol: int) -> None:
    mark, path = tmp_path / "mark", tmp_path / "w.th"
    magic = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {}))
    path.write_bytes(magic + pickle.dumps({"a": Payload(mark)}, protocol) + pickle.dumps([], 2))
    assert "w.th: expected tensors alone, got a file that calls upon" in refused(path)
    path.write_bytes(pickle.dumps(Payload(mark), protocol))
    assert "w.th: expected tensors alone, got a file that calls upon" in refused(path)
    assert not mark.exists()


def test_a_whole_net_is_refused_as_code(tmp_path: Path) -> None:
    path = saved(tmp_path, nn.Sequential(nn.Linear(3, 5)))
    assert "calls upon 'torch.nn.modules.container.Sequential'; nothing in it was run" in refused(path)


def archive(path: Path, entries: dict[str, bytes], packed: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


PICKLE = pickle.dumps({}, 2)


@pytest.mark.parametrize(("entries", "packed", "message"), [
    ({"m/data.pkl": PICKLE, "m/code/net.py": b""}, 0, "expected an archive of tensors, got one with 'm/code/net.py' in it"),
    ({"m/data.pkl": PICKLE, "m/../../x": b""}, 0, "expected an archive of tensors, got one with 'm/../../x' in it"),
    ({"m/data.pkl": PICKLE, "m/data/0": bytes(10**6)}, zipfile.ZIP_DEFLATED, "not packed and together no larger than the"),
    ({"m/data/0": b""}, 0, "expected one data.pkl of at most 33,554,432 bytes in this archive"),
    ({"m/data.pkl": PICKLE, "n/data.pkl": PICKLE}, 0, "expected one data.pkl of at most"),
    ({"m/data.pkl": b"\x80\x02}q"}, 0, "expected a file of weights, .safetensors or torch.save's; this one cannot be read"),
    ({"m/data.pkl": PICKLE}, 0, "expected tensors"),
], ids=["program", "path", "packed", "no pickle", "two", "cut", "nothing"])  # fmt: skip
def test_archives_that_are_none_of_torchs_are_refused(tmp_path: Path, entries: dict, packed: int, message: str) -> None:
    text = refused(archive(tmp_path / "w.pt", entries, packed))
    assert text.startswith(f"w.pt: {message}") or message in text


def test_an_archive_with_an_entry_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as file:
        file.writestr("m/data.pkl", PICKLE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("m/data.pkl", PICKLE)
    assert "each once, not packed" in refused(tmp_path / "w.pt")


def test_an_archive_whose_entries_share_their_bytes_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as file:
        file.writestr("m/data.pkl", PICKLE)
        file.writestr("m/data/0", bytes(1000))
        for place in range(1, 7):
            again = copy.copy(file.filelist[1])
            again.filename = f"m/data/{place}"
            file.filelist.append(again)
    assert "together no larger than the file; torch did not write this" in refused(tmp_path / "w.pt")


@given(
    st.binary(max_size=60), st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02"]), st.sampled_from(["pt", "safetensors"])
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_the_refusal_is_a_message(
    tmp_path: Path, content: bytes, start: bytes, kind: str
) -> None:
    (tmp_path / f"w.{kind}").write_bytes(start + content)
    assert refused(tmp_path / f"w.{kind}").startswith(f"w.{kind}: ")


@pytest.mark.parametrize("form", ["safetensors", "zip", "legacy"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, form: str, share: float) -> None:
    path = written(tmp_path, form)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert refused(path).startswith(f"{path.name}: ")


@pytest.mark.parametrize(("held", "message"), [
    ([torch.ones(3)], "w.pth: expected tensors by name, or such a dictionary as 'state_dict' or 'model' or"
     " 'model_state_dict' or 'net', got list"),
    ({"epoch": 3, "optimizer": {"a": 1}}, "w.pth: expected tensors by name, or such a dictionary as 'state_dict' or 'model' or"
     " 'model_state_dict' or 'net', got one with 'epoch', 'optimizer'"),
    ({"a": torch.ones(3), "b": 5}, "w.pth: expected tensors by name, but 'b' is none"),
    ({"state_dict": {"a": {"b": torch.ones(3)}}}, "w.pth: expected tensors by name, but 'a' is none"),
    ({"a": torch.tensor([1.0, float("nan")])}, "w.pth: expected finite numbers in 'a', got torch.float32 or numbers that are"
     " none"),
    ({"a": torch.tensor([1, 2])}, "w.pth: expected finite numbers in 'a', got torch.int64 or numbers that are none"),
    ({"a b": torch.ones(3)}, "w.pth: expected names of letters, digits and _ . - for tensors, got 'a b'; rename them"),
    ({"a": torch.ones(1).expand(2**31)}, "w.pth: expected tensors of at most 4,294,967,296 bytes together"),
])  # fmt: skip
def test_what_is_no_state_dict_is_refused(tmp_path: Path, held: Any, message: str) -> None:
    assert refused(saved(tmp_path, held)) == message


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.h5").write_bytes(b"x")
    assert refused(tmp_path / "w.h5") == (
        "w.h5: expected a file of weights, which ends in .safetensors, .pth, .pt, .th, .bin, .tar, .ckpt"
    )
    expected = "expected a file of weights, got a folder or nothing; name a .safetensors or .pth file"
    assert refused(tmp_path / "none.pth") == f"none.pth: {expected}"


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "w.pth").open("wb") as file:
        file.truncate(2**32 + 1)
    assert refused(tmp_path / "w.pth") == "w.pth: expected at most 4,294,967,296 bytes, got 4,294,967,297"


# --- recognising ---------------------------------------------------------------------------------------------------


def test_no_two_architectures_have_tensors_of_the_same_names() -> None:
    assert len({tuple(sorted(each.names())) for each in known()}) == len(known())


def test_names_that_differ_are_listed_with_what_was_meant(tmp_path: Path) -> None:
    tensors = small()
    tensors["layer1.0.conv1.wieght"] = tensors.pop("layer1.0.conv1.weight")
    tensors["extra"] = torch.ones(3)
    assert refused(saved(tmp_path, tensors)) == (
        "w.pth does not fit a CIFAR resnet20, the nearest net that can be imported:\n"
        "  - 'layer1.0.conv1.weight' is missing\n"
        "  - 'layer1.0.conv1.wieght' is none of its tensors; did you mean 'layer1.0.conv1.weight'?\n"
        "  - 'extra' is none of its tensors"
    )


def test_shapes_that_differ_are_listed(tmp_path: Path) -> None:
    tensors = small()
    tensors["conv1.weight"] = torch.ones(16, 1, 3, 3)
    assert refused(saved(tmp_path, tensors)) == (
        "w.pth does not fit a CIFAR resnet20, the nearest net that can be imported:\n"
        "  - 'conv1.weight': expected (16, 3, 3, 3), got (16, 1, 3, 3)"
    )


def test_a_net_that_nobody_knows_is_refused_with_those_that_are(tmp_path: Path) -> None:
    text = refused(saved(tmp_path, {"blocks.0.weight": torch.ones(3, 5)}))
    assert text.startswith("w.pth: none of its 1 tensors is of a net that can be imported: torchvision's resnet18, ")


def test_a_depth_between_those_that_are_known_is_compared_with_the_nearest(tmp_path: Path) -> None:
    tensors = {name: held for name, held in small().items() if not name.startswith("layer3.2")}
    text = refused(saved(tmp_path, tensors))
    assert text.startswith("w.pth does not fit a CIFAR resnet20, the nearest")
    assert "  - 'layer3.2.conv1.weight' is missing\n" in text
    many = {f"{name}x": held for name, held in small().items()}
    assert refused(saved(tmp_path, many | {"bn1.bias": torch.ones(16)})).endswith("\n  - and 173 more")


def test_a_sentence_says_what_is_not_to_be_recognised(tmp_path: Path) -> None:
    path = saved(tmp_path, small())
    model = import_model(path, "ResNet(20, small=True, shortcut='pad') >> Classify(smoothing=0.1)").model
    assert model.net.sentence() == "Standardize() >> ResNet(20, small=True) >> Classify(0.1)"
    assert "w.pth does not fit a CIFAR resnet32, the nearest" in refused(path, "ResNet(32, small=True)")
    for sentence in ("ResNet(20, small=True, shortcut='project')", "Dense(3) >> Classify()", "Classify()"):
        with pytest.raises(SentenceError) as error:
            import_model(path, sentence)
        assert str(error.value).startswith(
            f"--as {sentence!r}: expected one of these and an end: ResNet(18); ResNet(34);"
        )


def test_names_of_classes_are_as_many_as_classes(tmp_path: Path) -> None:
    path = saved(tmp_path, small(3))
    assert import_model(path).model.classes == ("0", "1", "2")
    assert import_model(path, None, ("a", "b", "c")).model.classes == ("a", "b", "c")
    expected = "w.pth has 3 classes; expected 3 different names, got"
    assert refused(path, None, ("a", "b")) == f"{expected} 2: ('a', 'b')"
    assert refused(path, None, ("a", "b", "a")) == f"{expected} 3: ('a', 'b', 'a')"


def test_names_of_classes_stand_in_a_file_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("\ufeffone\r\nzwölf\n\n three \n".encode())
    assert read_names(tmp_path / "names.txt") == ("one", "zwölf", "three")
    (tmp_path / "names.txt").write_bytes(b"\xff")
    with pytest.raises(
        RunError, match=r"names\.txt: expected names of classes in UTF-8, one a line: invalid start byte"
    ):
        read_names(tmp_path / "names.txt")


# --- the command, and what comes after -----------------------------------------------------------------------------


def test_the_command_makes_a_model(within: Path) -> None:
    torch.save(small(3), "w.pth")
    Path("names.txt").write_text("ant\nbee\ncow\n")
    said = called("import", "w.pth", "--classes", "names.txt")
    assert said == (0, (
        "a CIFAR resnet20: 97 tensors, 269,267 parameters, 3 classes\n"
        "Standardize() >> ResNet(20, small=True) >> Classify()\n"
        "model: models/w  (use it: lamina predict models/w FILE)\n"
    ), "")  # fmt: skip
    assert la.load("models/w").classes == ("ant", "bee", "cow")
    again = called("import", "w.pth")
    assert (again.code, again.err) == (2, "lamina: models/w holds a model already; name another --out\n")
    said = called("import", "w.pth", "--out", "other", "--as", "ResNet(20, small=True)", "--json")
    assert json.loads(said.out) == {
        "model": "other", "architecture": "a CIFAR resnet20", "net": "Standardize() >> ResNet(20, small=True) >> Classify()",
        "given": "Image(3, 32, 32)", "classes": 3, "parameters": 269267, "tensors": 97,
    }  # fmt: skip


def test_an_imported_net_is_fine_tuned_on_grey_pictures_of_another_size(within: Path) -> None:
    import_model(saved(within, small())).model.save(Path("model"))
    pixels = np.random.default_rng(1).integers(0, 256, (37, 1, 16, 12), dtype=np.uint8)
    said: list[str] = []
    how = {"steps": 2, "batch": 11, "threads": 1, "display": None, "say": said.append}
    run = la.train(None, from_arrays(pixels, np.arange(37) % 3), start="model", freeze="body", out="run", **how)
    assert said[0] == (
        f"starts from {within / 'model'}: 97 of 99 tensors taken, the end is new (10 -> 3 classes); it was trained on"
        " Image(3, 32, 32), this is Image(1, 16, 12); 97 frozen, with the statistics of norms"
    )
    ours, theirs = run.model().net.state_dict(), la.load("model").net.state_dict()
    first = "body.1.inner.0.weight"
    torch.testing.assert_close(ours[first], theirs[first].sum(1, keepdim=True))
    alike = [name for name in theirs if ours[name].shape == theirs[name].shape]
    assert len(alike) == len(theirs) - 5
    assert all(torch.equal(ours[name], theirs[name]) for name in alike)


def pictures(folder: Path) -> tuple[Tensor, Tensor]:
    """The first 2000 test pictures of CIFAR-10 and their labels."""
    path = folder / "cifar10" / "test_first2000.png"
    if not path.is_file():
        pytest.skip("no CIFAR-10 among the real data")
    pixels = np.asarray(Picture.open(io.BytesIO(path.read_bytes()))).reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
    labels = json.loads((folder / "cifar10" / "test_lables.json").read_text())
    return torch.from_numpy(pixels.copy()), torch.tensor(labels)


@pytest.mark.data
@pytest.mark.parametrize(("name", "count", "right"), [
    ("resnet20-12fca82f.th", 2000, 1833), ("resnet56-4bfd9763.th", 1000, 926),
])  # fmt: skip
def test_published_weights_are_right_as_often_as_their_authors_say(
    data_folder: Path, name: str, count: int, right: int
) -> None:
    pixels, labels = pictures(data_folder)
    model = import_model(data_folder / "weights" / name).model
    answers = model.predict(pixels[:count]).label
    assert int((answers == labels[:count]).sum()) == right
