"""What the real packages `tensorrt` and `cuda.bindings.runtime` offer, printed as JSON.

Run as a program with the folder of `stand_ins` on LD_LIBRARY_PATH. Nothing is called: the bindings
of TensorRT are a module of classes around a library of 2 GB, and load without it where somebody
else has the few functions that they link to; CUDA's look for a driver at the first call.
"""

import inspect
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

BINDINGS = "tensorrt_bindings"
FUNCTIONS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
)


def stand_ins(folder, compiler):
    """Make the libraries that the bindings ask for in a folder; their functions do nothing."""
    (place,) = find_spec(BINDINGS).submodule_search_locations
    (bindings,) = Path(place).glob("*.so")
    names = set(re.findall(rb"libnv\w+\.so\.\d+", bindings.read_bytes()))
    source = "".join(f"void *{name}(void) {{ return 0; }}\n" for name in FUNCTIONS)
    for library in map(bytes.decode, names):
        options = ["-shared", "-fPIC", "-nostdlib", "-x", "c", "-", "-o", folder / library]
        subprocess.run([compiler, *options], input=source.encode(), check=True)


def described(module):
    """Give what each public name of a module or class is, see `_described`."""
    return {
        name: _described(getattr(module, name)) for name in dir(module) if not name.startswith("_")
    }


def _described(value):
    """Give members, values and calls of one name.

    Returns:
        "members" of a class; "value" of a number or a member of an enumeration; "calls", the ways
        to call it, each a list of [name, has a default]; "gives", names of the classes that it
        may give.
    """
    facts = {}
    if inspect.isclass(value):
        facts["members"] = described(value)
        facts.update(_calls(value.__init__, skip=1))
    elif isinstance(value, property):
        facts["gives"] = _classes((value.fget.__doc__ or "").partition("->")[2])
    elif callable(value):
        facts.update(_calls(value, skip=0))
    elif hasattr(value, "__int__"):
        facts["value"], facts["gives"] = int(value), [type(value).__qualname__]
    return facts


def _calls(function, skip):
    """Read the ways to call a function from its signature, or from pybind11's docstring."""
    doc = function.__doc__ or ""
    lines = re.findall(r"^(?:\d+\. )?\w+\((.*)\) -> (.*)$", doc, re.MULTILINE)
    calls = [_parameters(words) for words, _ in lines]
    if not lines:
        try:
            found = list(inspect.signature(function).parameters.values())[skip:]
        except (TypeError, ValueError):
            return {}
        calls = [[[x.name, x.default is not x.empty] for x in found]]
    results = doc.partition("Returns\n-------\n")[2].partition("\n\n")[0]  # in CUDA's
    return {"calls": calls, "gives": _classes(" ".join(given for _, given in lines) or results)}


def _parameters(words):
    """Read "self: A, name: B[C, D] = <E: 0>" as [["name", true]]."""
    parts, depth = [""], 0
    for letter in words:
        depth += (letter in "[(<") - (letter in "])>")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    named = [part.strip() for part in parts if part.strip()]
    return [[part.split(":")[0].split("=")[0].strip(), "=" in part] for part in named][1:]


def _classes(text):
    """Name the classes of a result: pybind11's, C++'s where it knows no better, and CUDA's."""
    named = r"tensorrt_bindings\.tensorrt\.([\w.]+)|::I?(\w+Error)\b| : :py:obj:`~\.(\w+)"
    return sorted({"".join(found) for found in re.findall(named, text)})


if __name__ == "__main__":
    import tensorrt_bindings
    from cuda.bindings import runtime

    known = {"tensorrt": described(tensorrt_bindings), "cuda.bindings.runtime": described(runtime)}
    json.dump(known, sys.stdout)
