"""The named sets: what each is and where it comes from."""

from __future__ import annotations

from lamina.data.fetch import File, NamedSet
from lamina.data.sources.cifar import KNOWN
from lamina.kinds import Image, Label, Value, Vector

MNIST_FILES = (
    File(
        "train-images-idx3-ubyte",
        gzipped="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        content="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    File(
        "train-labels-idx1-ubyte",
        gzipped="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        content="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    File(
        "t10k-images-idx3-ubyte",
        gzipped="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        content="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    File(
        "t10k-labels-idx1-ubyte",
        gzipped="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        content="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
FASHION_FILES = (
    File(
        "train-images-idx3-ubyte",
        gzipped="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        content="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    File(
        "train-labels-idx1-ubyte",
        gzipped="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        content="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    File(
        "t10k-images-idx3-ubyte",
        gzipped="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        content="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    File(
        "t10k-labels-idx1-ubyte",
        gzipped="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        content="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)
CIFAR_FILES = (
    File(
        "cifar-10-binary.tar",
        gzipped="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        content=KNOWN.content,
    ),
)
SHIPPED = "shipped with scikit-learn (BSD 3-clause); "

SETS = (
    NamedSet(
        name="digits",
        about="1,797 handwritten digits as 8 x 8 pictures, scanned from forms that 13 people filled in.",
        examples=1797,
        tests=0,
        inputs=Image(1, 8, 8),
        target=Label(10),
        licence=SHIPPED + "UCI states CC BY 4.0",
        source="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    ),
    NamedSet(
        name="iris",
        about="150 flowers of three species of iris by the length and width of their sepals and petals.",
        examples=150,
        tests=0,
        inputs=Vector(4),
        target=Label(3),
        licence=SHIPPED + "UCI states CC BY 4.0",
        source="https://archive.ics.uci.edu/dataset/53/iris",
    ),
    NamedSet(
        name="wine",
        about="178 Italian wines from three growers by 13 chemical measurements.",
        examples=178,
        tests=0,
        inputs=Vector(13),
        target=Label(3),
        licence=SHIPPED + "UCI states CC BY 4.0",
        source="https://archive.ics.uci.edu/dataset/109/wine",
    ),
    NamedSet(
        name="breast-cancer",
        about="569 breast tumours, malignant or benign, by 30 measurements of cell nuclei in a needle sample.",
        examples=569,
        tests=0,
        inputs=Vector(30),
        target=Label(2),
        licence=SHIPPED + "UCI states CC BY 4.0",
        source="https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic",
    ),
    NamedSet(
        name="diabetes",
        about="442 diabetes patients by age, sex and eight measurements; predict the disease's progress after a year.",
        examples=442,
        tests=0,
        inputs=Vector(10),
        target=Value(1),
        licence=SHIPPED + "its authors state none",
        source="https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html",
    ),
    NamedSet(
        name="mnist",
        about="70,000 handwritten digits as 28 x 28 pictures, 10,000 of them by other people and for testing.",
        examples=70_000,
        tests=10_000,
        inputs=Image(1, 28, 28),
        target=Label(10),
        licence="commonly given as CC BY-SA 3.0",
        source="http://yann.lecun.com/exdb/mnist/",
        address="https://ossci-datasets.s3.amazonaws.com/mnist/",
        files=MNIST_FILES,
    ),
    NamedSet(
        name="fashion-mnist",
        about="70,000 pieces of clothing as 28 x 28 pictures, 10,000 of them for testing.",
        examples=70_000,
        tests=10_000,
        inputs=Image(1, 28, 28),
        target=Label(10),
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
        address="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files=FASHION_FILES,
        classes=(
            *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
        ),
    ),
    NamedSet(
        name="cifar10",
        about="60,000 colour pictures of 32 x 32 pixels, of animals and vehicles, 10,000 of them for testing.",
        examples=60_000,
        tests=10_000,
        inputs=Image(3, 32, 32),
        target=Label(10),
        licence="its authors state none; they ask to cite Krizhevsky 2009",
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        address="https://www.cs.toronto.edu/~kriz/",
        files=CIFAR_FILES,
        form="cifar",
        classes=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
    ),
)
NAMED: dict[str, NamedSet] = {named.name: named for named in SETS}
"""The sets by name."""
