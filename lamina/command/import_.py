"""`lamina import`."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.command.options import emit, json_option

EPILOG = """
\b
Examples:
  lamina import resnet18.safetensors --classes imagenet.txt
  lamina import resnet20-12fca82f.th --out models/resnet20
  lamina train photos/ --from models/resnet18 --freeze body
"""


@click.command(name="import", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "sentence", metavar="SENTENCE", help="The net, such as 'ResNet(18)'.  [default: recognised]")
@click.option("--classes", type=click.Path(path_type=Path), help="A file with the names of the classes, one a line.")
@click.option("--out", type=click.Path(path_type=Path), help="The model's folder.  [default: models/FILE]")
@json_option
def command(file: Path, sentence: str | None, classes: Path | None, out: Path | None, as_json: bool) -> None:
    """Make a model of FILE: weights of torchvision's or timm's AlexNet and ResNet, or of a CIFAR ResNet.

    FILE is a .safetensors file, or one of torch.save (.pth, .pt, .th), of which only tensors are taken: code in such a
    file is refused and not run. The model's folder can be used wherever a run's folder can.
    """
    from lamina.errors import RunError
    from lamina.imported.convert import import_model, read_names
    from lamina.model import DESCRIPTION

    folder = out or Path("models", file.stem)
    if (folder / DESCRIPTION).exists():
        raise RunError(f"{folder} holds a model already; name another --out")
    model, architecture, tensors = import_model(file, sentence, read_names(classes) if classes else ())
    model.save(folder)
    net, count = model.net, len(model.classes)
    if as_json:
        emit(
            {
                "model": str(folder),
                "architecture": architecture.name,
                "net": net.sentence(),
                "given": str(net.given),
                "classes": count,
                "parameters": net.parameter_count(),
                "tensors": tensors,
            }
        )
        return
    click.echo(f"{architecture.name}: {tensors} tensors, {net.parameter_count():,} parameters, {count} classes")
    click.echo(f"{net.sentence()}\nmodel: {folder}  (use it: lamina predict {folder} FILE)")
