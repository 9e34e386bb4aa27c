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
  lamina import all-MiniLM-L6-v2/ --out models/minilm
  lamina train photos/ --from models/resnet18 --freeze body
"""


@click.command(name="import", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "sentence", metavar="SENTENCE", help="The net, such as 'ResNet(18)'.  [default: recognised]")
@click.option("--classes", type=click.Path(path_type=Path), help="A file with the names of the classes, one a line.")
@click.option("--out", type=click.Path(path_type=Path), help="The model's folder.  [default: models/FILE]")
@json_option
def command(file: Path, sentence: str | None, classes: Path | None, out: Path | None, as_json: bool) -> None:
    """Make a model of FILE: weights of torchvision's or timm's AlexNet and ResNet, of a CIFAR ResNet, or of a BERT.

    FILE is a .safetensors file, or one of torch.save (.pth, .pt, .th), of which only tensors are taken: code in such a
    file is refused and not run. Of BERT, DistilBERT, MiniLM and RoBERTa it is the folder with config.json,
    model.safetensors, and tokenizer.json, vocab.txt, or vocab.json and merges.txt. The model's folder can be used
    wherever a run's folder can.
    """
    from lamina.errors import RunError
    from lamina.imported.convert import import_model, read_names
    from lamina.model import DESCRIPTION

    folder = out or Path("models", file.resolve().name if file.is_dir() else file.stem)
    if (folder / DESCRIPTION).exists():
        raise RunError(f"{folder} holds a model already; name another --out")
    if file.is_dir():
        import_text(file, folder, sentence or classes, as_json)
        return
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


def import_text(folder: Path, out: Path, asked: object, as_json: bool) -> None:
    """Make a model of a BERT's folder."""
    from lamina.errors import RunError
    from lamina.imported.folder import import_folder

    if asked is not None:
        raise RunError(f"{folder}: --as and --classes are for weights of nets of pictures; leave them out")
    model, family, tensors, left_out = import_folder(folder)
    model.save(out)
    net, text = model.net, model.text
    assert text is not None
    if as_json:
        emit(
            {
                "model": str(out),
                "architecture": family,
                "net": net.sentence(),
                "given": str(net.given),
                "parameters": net.parameter_count(),
                "tensors": tensors,
                "left_out": list(left_out),
                "context": text.context,
            }
        )
        return
    click.echo(f"{family}: {tensors} tensors, {net.parameter_count():,} parameters, {len(text.input):,} tokens")
    if left_out:
        click.echo(f"left out, as no part of the encoder: {', '.join(left_out)}")
    click.echo(f"{net.sentence()}\nmodel: {out}  (use it: lamina embed {out} texts.txt, or lamina train --from {out})")
