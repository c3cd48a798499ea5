"""What is used of TensorRT and CUDA, here and in the stand-in, is in the real packages."""

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from enum import EnumType
from importlib.metadata import version
from inspect import isclass, isfunction, signature
from pathlib import Path

import pytest

from engine.networks import tensorrt
from engine.networks.tensorrt.build import PRECISIONS

FOLDER = Path(tensorrt.__file__).parent
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.py"))}
TESTS = Path(__file__).parents[3]
PACKAGES = ("tensorrt_bindings", "cuda")
ANY = "*"  # an object of TensorRT's whose class the source does not tell


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """What the packages offer, as `tests/real_tensorrt.py` describes it.

    Read by a process of its own: here the stand-ins take the places of both modules.
    """
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)}: not on this system; the extra dev has them on Linux")
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("cc: no C compiler; on Debian or Ubuntu: apt install gcc")
    folder = tmp_path_factory.mktemp("libraries")
    load(TESTS / "real_tensorrt.py").stand_ins(folder, compiler)
    command = [sys.executable, TESTS / "real_tensorrt.py"]
    told = subprocess.run(
        command, env={**os.environ, "LD_LIBRARY_PATH": str(folder)}, stdout=subprocess.PIPE
    )
    assert told.returncode == 0
    return json.loads(told.stdout)


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Uses:
    """Follows the objects of both packages through our source, from their import on.

    A value is the set of what it may be: a module ("tensorrt"), a class ("type Builder"), an
    object of one ("Builder"), something that can be called (("call", facts)) or, where the source
    only says `Foreign`, an object of any class (`ANY`).

    Attributes:
        names: Every name that was looked up, and where.
        problems: What the packages lack, or do not take.
    """

    def __init__(self, real, sources):
        self.real, self.names, self.problems = real, set(), set()
        self.classes, self.makers = {}, {}  # members, and the ways to make one
        for module in real.values():
            self._add_classes(module, "")
        self.results, self.attributes = {}, {}  # of our functions and our objects, by name
        trees = {name: ast.parse(text) for name, text in sources.items()}
        for _ in range(3):  # what a function gives may be known after its caller was read
            self.names.clear()
            self.problems.clear()
            for self.file, tree in trees.items():
                self._body(tree.body, {})

    def _add_classes(self, members, outer):
        for name, facts in members.items():
            if "members" in facts:
                self.classes[outer + name] = facts["members"]
                self.makers[outer + name] = facts.get("calls", [])
                self._add_classes(facts["members"], f"{outer}{name}.")

    def _body(self, statements, known):
        for statement in statements:
            self._statement(statement, known)

    def _statement(self, node, known):
        if isinstance(node, ast.FunctionDef):
            inner = dict(known)
            for argument in (*node.args.args, *node.args.kwonlyargs):
                inner[argument.arg] = self._stated(argument.annotation)
            self.function = node.name
            self._body(node.body, inner)
            return
        if isinstance(node, ast.ClassDef):
            self.attributes.update(
                (each.target.id, {ANY})
                for each in node.body
                if isinstance(each, ast.AnnAssign) and self._stated(each.annotation)
            )
            for base in node.bases:
                self._value(base, known)
            self._body(node.body, dict(known))
            return
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
            for target in getattr(node, "targets", None) or [node.target]:
                self._bind(target, self._value(node.value, known), known)
            return
        if isinstance(node, ast.For):
            self._bind(node.target, self._value(node.iter, known), known)
        if isinstance(node, ast.Return) and node.value:
            found = self._value(node.value, known)
            self.results.setdefault(self.function, set()).update(found)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._value(child, known)
            else:
                self._statement(child, known)

    @staticmethod
    def _stated(annotation):
        return {ANY} if isinstance(annotation, ast.Name) and annotation.id == "Foreign" else set()

    def _bind(self, target, value, known):
        if isinstance(target, ast.Tuple):
            for part in target.elts:
                self._bind(part, value, known)
        elif isinstance(target, ast.Attribute):
            self.attributes.setdefault(target.attr, set()).update(value)
        elif isinstance(target, ast.Name):
            known[target.id] = value

    def _value(self, node, known):
        """Give what an expression may be; look up all names in it."""
        if isinstance(node, ast.Name):
            return known.get(node.id, set())
        if isinstance(node, ast.Attribute):
            base = self._value(node.value, known)
            return (
                self._member(base, node.attr, node)
                if base
                else self.attributes.get(node.attr, set())
            )
        if isinstance(node, ast.Call):
            return self._call(node, known)
        if isinstance(node, ast.Lambda):
            return self._value(node.body, known)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            known = dict(known)
            for loop in node.generators:
                self._bind(loop.target, self._value(loop.iter, known), known)
                for condition in loop.ifs:
                    self._value(condition, known)
            parts = [node.value] if isinstance(node, ast.DictComp) else [node.elt]
        elif isinstance(node, ast.Dict):
            for key in filter(None, node.keys):  # none where another one is unpacked
                self._value(key, known)
            parts = node.values
        else:
            parts = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
        # A container is what is in it.
        inside = [self._value(part, known) for part in parts]
        plain = isinstance(node, ast.Compare | ast.BinOp | ast.JoinedStr)
        return set() if plain else set().union(*inside)

    def _places(self, base):
        """Give the members of everything that a value may be."""
        for one in base:
            if one == ANY:
                yield from (self.real["tensorrt"], *self.classes.values())
            elif one in self.real:
                yield self.real[one]
            elif isinstance(one, str):
                yield self.classes[one.removeprefix("type ")]

    def _member(self, base, name, node):
        """Look up a member of what may be several things."""
        places = list(self._places(base))
        if not places or name.startswith("__"):
            return set()
        found = [place[name] for place in places if name in place]
        self.names.add(name)
        if not found:
            self.problems.add(f"{self.file}:{node.lineno}: {name}: not in {sorted(map(str, base))}")
        values = set()
        for facts in found:
            if "members" in facts:
                values |= {f"type {full}" for full in self.classes if full.split(".")[-1] == name}
            elif "calls" in facts:
                values.add(("call", json.dumps(facts)))
            else:
                values |= self._known(facts.get("gives", ()))
        return values

    def _known(self, names):
        return {name for name in names if name in self.classes}

    def _call(self, node, known):
        function, arguments = node.func, list(node.args)
        words = {keyword.arg for keyword in node.keywords}
        for part in (*arguments, *(keyword.value for keyword in node.keywords)):
            self._value(part, known)
        first = arguments[0] if arguments else None
        literal = first.value if isinstance(first, ast.Constant) else None
        if isinstance(function, ast.Attribute) and function.attr == "import_module":
            return {literal} & set(self.real)
        if isinstance(function, ast.Name) and function.id == "getattr":
            base, name = self._value(first, known), arguments[1]
            if isinstance(name, ast.Constant):
                return self._member(base, name.value, node)
            return set()
        if isinstance(function, ast.Attribute) and function.attr in ("call", "callback"):
            # Ours, by name, and contextlib's: a function of CUDA's with its arguments.
            called = (
                self._member({"cuda.bindings.runtime"}, literal, node)
                if isinstance(literal, str)
                else self._value(first, known)
            )
            return self._result(called, node, len(arguments) - 1, words)
        called = self._value(function, known)
        if not called and isinstance(function, ast.Name | ast.Attribute):
            name = function.id if isinstance(function, ast.Name) else function.attr
            return self.results.get(name, set())
        return self._result(called, node, len(arguments), words)

    def _result(self, called, node, count, words):
        values = set()
        for one in called:
            if isinstance(one, tuple):
                facts = json.loads(one[1])
                values |= self._known(facts["gives"])
                ways = facts["calls"]
            elif one.startswith("type "):
                values.add(one.removeprefix("type "))
                ways = self.makers[one.removeprefix("type ")]
            else:
                continue
            if ways and not any(_takes(way, count, words) for way in ways):
                text = ast.unparse(node)
                self.problems.add(f"{self.file}:{node.lineno}: {text}: takes {ways}")
        return values


def _takes(way, count, words):
    """Tell whether so many arguments and these keywords fit one way to call a function."""
    left = way[count:]
    needed = {name for name, optional in left if not optional}
    return count <= len(way) and needed <= words <= {name for name, _ in left}


def test_every_name_we_use_is_in_the_real_packages(real):
    uses = Uses(real, SOURCES)
    assert not uses.problems
    # The reading itself reads: from a builder's calls to the last function of CUDA's.
    assert {
        "Builder",
        "set_memory_pool_limit",
        "add_optimization_profile",
        "desc",
        "dtype",
        "STRONGLY_TYPED",
        "USER_MANAGED",
        "execute_async_v3",
        "cudaGraphLaunch",
        "cudaErrorNoDevice",
        "major",
    } <= uses.names


@pytest.mark.parametrize(
    ("file", "ours", "wrong"),
    [
        ("build.py", "trt.OnnxParser(network, messages.logger)", "trt.OnnxParsers(network)"),
        ("build.py", "trt.OnnxParser(network, messages.logger)", "trt.OnnxParser(network, 1, 2)"),
        ("build.py", "settings.set_memory_pool_limit", "settings.set_memory_limit"),
        ("build.py", "settings.clear_flag", "network.clear_flag"),
        ("build.py", "ignore_mismatch=False", "ignore=False"),
        ("build.py", '"STRONGLY_TYPED"', '"STRONG_TYPES"'),
        ("build.py", "severity.INTERNAL_ERROR", "severity.INTERNAL"),
        ("build.py", "error.desc()", "error.description()"),
        ("session.py", "self._engine.num_io_tensors", "self._engine.num_tensors"),
        ("session.py", "prepared.context.execute_async_v3(", "prepared.context.execute_async("),
        ("session.py", "get_tensor_profile_shape(name, 0)", "get_tensor_profile_shape(name)"),
        ("session.py", '"cudaGraphLaunch"', '"cudaLaunchGraph"'),
        ("cuda.py", '"cudaGraphInstantiate", graph, 0', '"cudaGraphInstantiate", graph'),
        ("cuda.py", "self._api.cudaFreeHost, address", "self._api.cudaFreePinned, address"),
        ("cuda.py", "errors.cudaErrorNoDevice", "errors.cudaNoDevice"),
        ("cuda.py", "facts.major", "facts.majors"),
    ],
)
def test_what_the_real_packages_lack_is_found(real, file, ours, wrong):
    assert ours in SOURCES[file]
    assert Uses(real, {**SOURCES, file: SOURCES[file].replace(ours, wrong)}).problems


def test_every_precision_is_a_type_of_tensorrt(real):
    types = real["tensorrt"]["DataType"]["members"]
    assert {name for _, name in PRECISIONS.values()} <= set(types)


def test_stand_in_offers_what_the_real_packages_offer(real):
    fake = load(TESTS / "fake_tensorrt.py")
    machine = fake.Machine()
    machine.version = version("tensorrt-cu13-bindings")
    trt = fake.tensorrt(machine)
    for name, module in (("tensorrt", trt), ("cuda.bindings.runtime", fake.cudart(machine, {}))):
        offered = {key: each for key, each in vars(module).items() if not key.startswith("_")}
        assert len(offered) > 10
        assert list(lacking(offered, real[name])) == []


def lacking(offered, known):
    """Say what of these names is not there, or is called in another way."""
    for name, value in offered.items():
        if name not in known:
            yield name
        elif isinstance(value, EnumType):
            numbers = {key: facts.get("value") for key, facts in known[name]["members"].items()}
            yield from (
                f"{name}.{each.name}" for each in value if numbers.get(each.name) != each.value
            )
        elif isclass(value):
            members = {key: each for key, each in vars(value).items() if not key.startswith("_")}
            inner = known[name]["members"]
            yield from (f"{name}.{each}" for each in lacking(members, inner))
        elif isfunction(value):
            mine = [key for key in signature(value).parameters if key != "self"]
            if not any(_fits(mine, way) for way in known[name]["calls"]):
                yield f"{name}({', '.join(mine)})"


def _fits(names, way):
    """Tell whether these are the parameters of a real call; pybind11 calls some arg0."""
    left = way[len(names) :]
    pairs = zip(names, way, strict=False)
    return (
        len(names) <= len(way)
        and all(real in (name, f"arg{place}") for place, (name, (real, _)) in enumerate(pairs, 1))
        and all(optional for _, optional in left)
    )
