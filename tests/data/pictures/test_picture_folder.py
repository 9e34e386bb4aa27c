import os

import pytest
from drawn import encoded, noise, put
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.pictures.folder import is_picture_folder, list_folder
from lamina.data.pictures.listing import natural
from lamina.errors import DataError

DOT = encoded(noise(2, 3))


def tree(root, *names):
    return put(root, {name: DOT if name.endswith("g") else b"x" for name in names})


def found(root, classes=None):
    return list_folder(root, "pets", classes)


def shorts(listing):
    return [listing.short(place) for place in range(len(listing.paths))]


def refused(root, classes=None):
    with pytest.raises(DataError) as caught:
        found(root, classes)
    return str(caught.value)


def test_each_folder_is_a_class(tmp_path):
    listing = found(tree(tmp_path, "cat/1.png", "dog/1.jpg", "cat/2.JPEG"))
    assert listing.classes == ("cat", "dog")
    assert shorts(listing) == ["cat/1.png", "cat/2.JPEG", "dog/1.jpg"]
    assert listing.target.values.tolist() == [0, 0, 1]
    assert listing.test is None
    assert listing.notes == (
        "2 classes of 1 to 2 pictures",
        "1 class has one picture, which only trains: dog",
    )


def test_classes_and_files_stand_in_natural_order(tmp_path):
    listing = found(tree(tmp_path, *(f"{label}/{name}.png" for label in ("10", "2", "1a") for name in ("10", "9"))))
    assert listing.classes == ("1a", "2", "10")
    assert shorts(listing)[:2] == ["1a/9.png", "1a/10.png"]


@given(names=st.lists(st.text(min_size=1, max_size=5), unique=True))
def test_the_order_does_not_depend_on_the_order_before(names):
    backwards = names[::-1]
    assert sorted(names, key=natural) == sorted(backwards, key=natural)


def test_names_of_classes_may_hold_spaces_and_letters_of_any_script(tmp_path):
    assert found(tree(tmp_path, "ein Käse/1.png", "猫 🐈/1.png")).classes == ("ein Käse", "猫 🐈")


def test_folders_in_a_class_belong_to_it(tmp_path):
    listing = found(tree(tmp_path, "cat/2020/may/1.png", "cat/2.png", "dog/a/1.png"))
    assert sorted(shorts(listing)) == ["cat/2.png", "cat/2020/may/1.png", "dog/a/1.png"]
    assert listing.classes == ("cat", "dog")


def test_what_is_no_picture_is_counted(tmp_path):
    names = ("cat/Thumbs.db", "cat/notes.txt", "dog/notes.txt", ".DS_Store", "cat/.hidden.png", ".git/1.png", "README")
    listing = found(tree(tmp_path, "cat/1.png", "dog/1.png", "loose.png", "empty/a.txt", "__MACOSX/cat/1.png", *names))
    assert listing.classes == ("cat", "dog")
    assert len(listing.paths) == 2
    assert listing.notes[1:] == (
        "left out, being no pictures: 4 hidden, 3 .txt, 1 .db, 1 README",
        "left out, lying in no class folder: 1 picture",
        "left out, holding no pictures: empty",
    )


def test_train_and_test_are_told_apart(tmp_path):
    listing = found(tree(tmp_path, "test/cat/9.png", "train/cat/1.png", "train/dog/1.png", "Valid/dog/5.png"))
    assert shorts(listing) == ["train/cat/1.png", "train/dog/1.png", "Valid/dog/5.png", "test/cat/9.png"]
    assert listing.target.values.tolist() == [0, 1, 1, 0]
    assert listing.test.tolist() == [3]
    assert listing.notes[:2] == (
        "test/ is set aside for testing: 1 picture",
        "the pictures of Valid/ count as training; what validates is drawn anew",
    )


def test_train_alone_is_everything(tmp_path):
    listing = found(tree(tmp_path, "train/cat/1.png", "train/dog/1.png"))
    assert listing.classes == ("cat", "dog")
    assert listing.test is None


def test_a_train_among_other_things_is_a_class(tmp_path):
    assert found(tree(tmp_path, "train/1.png", "ship/1.png")).classes == ("ship", "train")


def test_a_test_without_class_folders_is_a_class(tmp_path):
    assert found(tree(tmp_path, "train/1.png", "test/1.png")).classes == ("test", "train")


def test_pictures_to_test_of_no_class_are_left_out(tmp_path):
    listing = found(tree(tmp_path, "train/cat/1.png", "train/dog/1.png", "test/7.png", "test/8.png"))
    assert listing.classes == ("cat", "dog")
    assert shorts(listing) == ["train/cat/1.png", "train/dog/1.png"]
    assert listing.test is None
    assert listing.notes[-1] == "left out, lying in no class folder: 2 pictures"


def test_an_empty_test_is_no_class(tmp_path):
    root = tree(tmp_path, "train/cat/1.png", "train/dog/1.png")
    (root / "test").mkdir()
    assert found(root).classes == ("cat", "dog")


def test_links_to_themselves_are_named_as_pictures_that_cannot_be_read(tmp_path):
    root = tree(tmp_path / "pets", "dog/1.png", "cat/1.png")
    for place in ("cat/loop.png", "dog/a", "loop"):
        (root / place).symlink_to(root / place)
    assert shorts(found(root)) == ["cat/1.png", "cat/loop.png", "dog/1.png"]


def test_links_are_followed(tmp_path):
    tree(tmp_path / "elsewhere", "a.png", "more/b.png")
    root = tree(tmp_path / "pets", "dog/1.png")
    (root / "cat").symlink_to(tmp_path / "elsewhere")
    (root / "dog" / "link.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    assert shorts(found(root)) == ["cat/a.png", "cat/more/b.png", "dog/1.png", "dog/link.png"]


def test_links_in_a_circle_end(tmp_path):
    root = tree(tmp_path / "pets", "dog/1.png", "cat/1.png")
    (root / "dog" / "up").symlink_to(root / "dog")
    assert shorts(found(root)) == ["cat/1.png", "dog/1.png"]


def test_ten_thousand_classes_are_found(tmp_path):
    for number in range(10_000):
        (tmp_path / str(number)).mkdir()
        os.link(tmp_path / "0" / "a.png", tmp_path / str(number) / "a.png") if number else (
            tmp_path / "0" / "a.png"
        ).write_bytes(DOT)
    listing = found(tmp_path)
    assert listing.classes == tuple(map(str, range(10_000)))
    assert listing.target.values.tolist() == list(range(10_000))
    assert listing.notes == (
        "10,000 classes have one picture, which only trains: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 9,990 more",
    )


def test_one_class_is_refused(tmp_path):
    assert refused(tree(tmp_path, "cat/1.png", "cat/2.png", "dog/a.txt")) == (
        "pets: expected a folder for each of at least two classes, got pictures in 'cat' only; "
        "add a folder of pictures that are something else"
    )


def test_pictures_in_no_folder_are_refused(tmp_path):
    assert refused(tree(tmp_path, "1.png", "2.png")) == (
        "pets: expected a folder for each class, got 2 pictures in none; put them into folders called as their "
        "classes, or list them in a table with the columns path and label; a net that ends in Reconstruct() needs none"
    )


@pytest.mark.parametrize(
    ("names", "rows", "test"),
    [
        (("10.png", "2.png"), ["2.png", "10.png"], None),
        (("cat/1.png", "cat/2.png"), ["cat/1.png", "cat/2.png"], None),
        (("cat/1.png", "dog/1.png", "loose.png"), ["cat/1.png", "dog/1.png", "loose.png"], None),
        (("train/1.png", "train/2.png", "test/3.png"), ["train/1.png", "train/2.png", "test/3.png"], [2]),
    ],
)
def test_pictures_need_no_classes_where_they_are_given_back(tmp_path, names, rows, test):
    root = tree(tmp_path, *names)
    listing = list_folder(root, "pets", inputs_only=True)
    assert [path.relative_to(root).as_posix() for path in listing.paths] == rows
    assert (listing.classes, None if listing.test is None else listing.test.tolist()) == ((), test)
    assert listing.notes == (f"no classes are looked at: {len(rows)} pictures",)


def test_classes_stay_where_every_picture_has_one(tmp_path):
    root = tree(tmp_path, "cat/1.png", "dog/1.png")
    assert list_folder(root, "pets", inputs_only=True).classes == ("cat", "dog")
    assert list_folder(root, "pets", ("cat", "cow"), inputs_only=True).classes == ()


def test_no_pictures_are_refused(tmp_path):
    assert refused(tree(tmp_path, "cat/1.txt")) == (
        "pets: expected pictures in a folder for each class, found none, but 1 .txt; check the path"
    )


def test_a_class_that_only_tests_is_refused(tmp_path):
    assert refused(tree(tmp_path, "train/cat/1.png", "train/dog/1.png", "test/Cat/1.png")) == (
        "pets: test/: expected the classes of train/, got 'Cat'; did you mean 'cat'?"
    )


def test_the_classes_of_a_model_keep_their_numbers(tmp_path):
    listing = found(tree(tmp_path, "dog/1.png"), classes=("ape", "cat", "dog"))
    assert listing.target.values.tolist() == [2]
    assert listing.classes == ("ape", "cat", "dog")


def test_a_class_that_a_model_does_not_know_is_refused(tmp_path):
    assert refused(tree(tmp_path, "cow/1.png", "dgo/1.png", "cat/1.png"), ("cat", "dog")) == (
        "pets: expected classes that the model knows, got 'cow' (2 such classes: cow, dgo); there are: cat, dog"
    )


def test_a_name_that_is_no_utf8_is_refused(tmp_path):
    tree(tmp_path, os.fsdecode(b"caf\xe9") + "/1.png")
    assert refused(tree(tmp_path, "cat/1.png")) == (
        r"pets: expected names of folders in UTF-8, got b'caf\xe9'; rename it"
    )


def test_a_folder_of_pictures_is_told_from_others(tmp_path):
    assert is_picture_folder(tree(tmp_path / "a", "cat/1.png"))
    assert is_picture_folder(tree(tmp_path / "b", "train/cat/x/1.webp.png"))
    assert is_picture_folder(tree(tmp_path / "c", "1.png"))
    assert not is_picture_folder(tree(tmp_path / "d", "1.txt", "e/table.csv"))
    assert not is_picture_folder(tree(tmp_path / "e", "train-images-idx3-ubyte", "shown.png"))
    assert not is_picture_folder(tmp_path / "a" / "cat" / "1.png")
    assert not is_picture_folder(tmp_path / "nothing")
