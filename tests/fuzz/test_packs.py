"""Damaged data sets and data packs, in folders and zips."""

import io
import json
import zipfile

import cv2
import numpy as np

from training.data.faces import background_names, open_bank
from training.data.files import open_files
from training.data.packs import read_image
from training.data.registry import DATASETS
from training.detector.packs import load_packs

CASES = 30


def encoded(ending, side=48):
    content = cv2.imencode(ending, np.full((side, side, 3), 90, np.uint8))[1]
    return content.tobytes()


def saved(value):
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


def arrays(**values):
    file = io.BytesIO()
    np.savez(file, **values)
    return file.getvalue()


def ferplus():
    rows = ['a.png,"(0, 0, 48, 48)",0,9,1,0,0,0,0,0,0,0', "b.png,,8,0,0,0,0,2,0,0,0,0"]
    lines = ("\n".join(rows) + "\n").encode()
    folders = ("FER2013Train", "FER2013Valid", "FER2013Test")
    names = ("label.csv", "a.png", "b.png")
    return {
        f"{folder}/{name}": lines if name == "label.csv" else encoded(".png")
        for folder in folders
        for name in names
    }


def fer2013():
    pixels = " ".join(["7"] * 2304)
    usages = ("Training", "PublicTest", "PrivateTest")
    rows = [f"{number},{pixels},{usage}" for usage in usages for number in range(2)]
    return {"fer2013.csv": "\n".join(["emotion,pixels,Usage", *rows, ""]).encode()}


def ferplus_csv():
    names = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt"
    usages = ("Training", "PublicTest", "PrivateTest")
    rows = [f"{u},fer{n}.png,9,1,0,0,0,0,0,0,0,0" for u in usages for n in range(2)]
    votes = "\n".join([f"Usage,Image name,{names},unknown,NF", *rows, ""]).encode()
    return fer2013() | {"fer2013new.csv": votes}


def rafdb():
    names = [f"{part}_{number:05}" for part in ("train", "test") for number in range(1, 4)]
    lines = "".join(f"{name}.jpg {1 + number % 7}\n" for number, name in enumerate(names))
    pictures = {f"Image/aligned/{name}_aligned.jpg": encoded(".jpg") for name in names}
    return {"EmoLabel/list_patition_label.txt": lines.encode(), **pictures}


def affectnet():
    found = {}
    for part in ("train_set", "val_set"):
        for face in range(3):
            found[f"{part}/images/{face}.jpg"] = encoded(".jpg")
            for name, value in (("exp", str(face)), ("val", "0.5"), ("aro", "-0.25")):
                found[f"{part}/annotations/{face}_{name}.npy"] = saved(np.array(value))
    return found


def affwild2():
    found = {}
    heads = {
        "EXPR_Classification_Challenge": "Neutral,Anger,Disgust,Fear,Happiness,Sadness,"
        "Surprise,Other\n0\n3\n-1\n",
        "VA_Estimation_Challenge": "valence,arousal\n0.5,-0.25\n-5,-5\n1,1\n",
    }
    for part in ("Train_Set", "Validation_Set"):
        for folder, text in heads.items():
            found[f"Annotations/{folder}/{part}/{part}_v.txt"] = text.encode()
        for frame in range(1, 4):
            found[f"cropped_aligned/{part}_v/{frame:05}.jpg"] = encoded(".jpg")
    return found


def expw():
    lines = "p.jpg 0 10 5 40 45 0.9 3\nq.jpg 0 0 0 20 20 0.5 6\n"
    pictures = {f"image/origin/{name}.jpg": encoded(".jpg") for name in "pq"}
    return {"label.lst": lines.encode(), **pictures}


def aihub():
    side = {"minX": 1.0, "minY": 2.0, "maxX": 40.0, "maxY": 44.0}
    said = {"boxes": side, "faceExp": "분노"}
    entries = [
        {"filename": f"{number}.jpg", "faceExp_uploader": "분노", "annot_A": said}
        | {"annot_B": said, "annot_C": said}
        for number in range(2)
    ]
    lists = {f"{part}/labels.json": entries for part in ("Training", "Validation")}
    pictures = {
        f"{part}/{n}.jpg": encoded(".jpg") for part in ("Training", "Validation") for n in (0, 1)
    }
    return {**{name: json.dumps(value).encode() for name, value in lists.items()}, **pictures}


SETS = {
    "ferplus": ferplus,
    "ferplus-soft": ferplus,
    "fer2013": fer2013,
    "ferplus-csv": ferplus_csv,
    "raf-db": rafdb,
    "affectnet-8": affectnet,
    "aff-wild2-expr": affwild2,
    "aff-wild2-va": affwild2,
    "expw": expw,
    "ai-hub": aihub,
}


def zipped(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def changed(case, name, content):
    """Damage a file by what it is."""
    if name.endswith(".json"):
        return case.change.damaged_json(case.rng, json.loads(content))
    if name.endswith((".csv", ".txt", ".lst")):
        return case.change.damaged_text(case.rng, content.decode())
    return case.change.damaged(case.rng, content)


def laid_out(case, name, files):
    """Put a data set into the case's folder, a file of it damaged, or its zip."""
    files = dict(files)
    labels = [key for key in files if not key.endswith((".png", ".jpg"))]
    key = case.pick(labels if case.rng.random() < 0.7 else list(files))
    if case.rng.random() < 0.4:
        case.put(f"{name}.zip", case.change.damaged(case.rng, zipped(files)))
        return
    files[key] = changed(case, key, files[key])
    if case.rng.random() < 0.3:
        case.put(f"{name}.zip", zipped(files))
        return
    for key, content in files.items():
        case.put(f"{name}/{key}", content)


def test_data_sets(case):
    name = case.pick(list(SETS))
    found = DATASETS[name]
    stored = found.stored or name
    laid_out(case, stored, SETS[name]())

    def read():
        reading = found.read(open_files(case.folder, stored), case.pick(found.parts))
        return [reading.table.image(row) for row in range(len(reading.table))]

    case.judge(read)


PICTURES = {
    "faces_wild": ("images/P_1.jpg", "images/Q_1.jpg"),
    "scenes": ("images/f_0.jpg", "images/f_1.jpg"),
    "ferplus": ("FER2013Train/a.png", "FER2013Valid/a.png"),
}


def teacher_labels():
    """Give the labels of two pictures in each pack."""
    rng = np.random.default_rng(0)
    found = {
        f"landmarks_{pack}.npz": arrays(
            names=np.array(names),
            found=np.ones(2, bool),
            flip_err=np.full(2, 0.01, np.float16),
            points=rng.uniform(0.4, 0.6, (2, 68, 2)).astype(np.float16),
            size=np.full((2, 2), 48, np.uint16),
            yaw_pitch_roll=np.zeros((2, 3), np.float16),
            split=np.array(["train", "test"]),
        )
        for pack, names in PICTURES.items()
    }
    places = ",".join(f"{10 + i},{12 + i}" for i in range(5))
    head = "pack,image,x,y,w,h,score,agree," + ",".join(f"x{i},y{i}" for i in range(5))
    rows = [
        f"{pack},{name.removeprefix('images/')},5,5,30,30,0.9,1,{places}"
        for pack in ("faces_wild", "scenes")
        for name in PICTURES[pack]
    ]
    found["boxes.csv"] = "\n".join([head, *rows, ""]).encode()
    found["background_hits.csv"] = b"image,teacher,score\nb_0.jpg,mtcnn,0.2\n"
    return found


def packs():
    """Give the four data packs by name."""
    scenes = (
        "image,split,source,person\nf_0.jpg,train,frame,1\nf_1.jpg,test,frame,1\n"
        "b_0.jpg,train,background,0\n"
    )
    pictures = {
        pack: {name: encoded(name[-4:]) for name in names} for pack, names in PICTURES.items()
    }
    return {
        "faces_wild": {
            "legend.csv": b"image,emotion\nP_1.jpg,happiness\nQ_1.jpg,neutral\n",
            **pictures["faces_wild"],
        },
        "scenes": {
            "scenes.csv": scenes.encode(),
            **pictures["scenes"],
            "images/b_0.jpg": encoded(".jpg"),
        },
        "ferplus": pictures["ferplus"],
        "teacher_labels": teacher_labels(),
    }


def changed_arrays(case, content):
    """Damage an array inside of an ``.npz`` that is whole: its type, its shape, its numbers."""
    with np.load(io.BytesIO(content)) as file:
        found = dict(file)
    name = case.pick(list(found))
    old = found[name]
    wrong = (
        lambda: found.pop(name),
        lambda: old[:1],
        lambda: old[..., None],
        lambda: old.astype("U8"),
        lambda: np.zeros(0),
        lambda: np.zeros((2, 3, 4), np.complex64),
        lambda: np.full(old.shape, 2, np.int64),
        lambda: np.full(old.shape, np.nan, np.float32),
        lambda: np.full(old.shape, 1e38),
        lambda: np.full(old.shape, "../../etc/passwd"),
        lambda: np.full(old.shape, "images/P_1.jpg\0"),
    )
    new = case.pick(wrong)()
    if name in found:
        found[name] = new
    return arrays(**found)


def test_data_packs(case):
    whole = packs()
    pack = case.pick(list(whole))
    files = whole[pack]
    labels = [name for name in files if not name.endswith((".png", ".jpg"))] or list(files)
    name = case.pick(labels if case.rng.random() < 0.8 else list(files))
    by_value = name.endswith(".npz") and case.rng.random() < 0.7
    files[name] = (
        changed_arrays(case, files[name]) if by_value else changed(case, name, files[name])
    )
    for each, content in whole.items():
        archive = zipped(content)
        if each == pack and case.rng.random() < 0.2:
            archive = case.change.damaged(case.rng, archive)
        case.put(f"data/{each}.zip", archive)
    root, cache = case.folder / "data", case.folder / "cache"

    def pictures():
        banks = [open_bank(each, split, root, cache) for each, split in BANKS]
        return banks, [read_image(path) for path in background_names(root, cache, held_out=False)]

    case.judge(case.pick((pictures, lambda: load_packs(root, cache))))


BANKS = (("faces_wild", "train"), ("scenes", "valid"), ("ferplus", "train"))
