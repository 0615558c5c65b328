"""The binary parts of the wheel: CMake builds them, and they are put into the package.

They are the extension, libselmcast.so beside it, and the program ``selmcast``. They need the shared libraries of the
system that they were built on (gRPC, protobuf and others: scripts/install_dependencies.sh), so such a wheel is for
machines like that one. SELMCAST_BUILD=DIR takes a build tree that is configured already; without it one is made in
build/wheel.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

SOURCE = pathlib.Path(__file__).resolve().parent
WORK = SOURCE / "build" / "wheel"


def call(*command):
    print(" ".join(str(part) for part in command), file=sys.stderr)
    subprocess.run([str(part) for part in command], check=True)


def build_tree() -> pathlib.Path:
    named = os.environ.get("SELMCAST_BUILD")
    if named:
        return pathlib.Path(named).resolve()
    flags = ("-DBUILD_TESTING=OFF", "-DSELMCAST_TRAIN=OFF", f"-DPython_EXECUTABLE={sys.executable}")
    call("cmake", "--preset", "release", "-S", SOURCE, "-B", WORK / "cmake", *flags)
    return WORK / "cmake"


class BuildWithCMake(build_py):
    def run(self):
        super().run()
        package = pathlib.Path(self.build_lib) / "selmcast"
        tree = build_tree()
        call("cmake", "--build", tree, "--target", "selmcast_python", "selmcast_c", "selmcast")
        with tempfile.TemporaryDirectory() as scratch:
            call("cmake", "--install", tree, "--component", "python", "--prefix", scratch)
            stage = pathlib.Path(scratch)
            (extension,) = stage.rglob("_core.*.so")
            shutil.copy2(extension, package)
            (library,) = stage.rglob("libselmcast.so.0")
            shutil.copy2(library.resolve(), package / library.name)  # the name that the extension asks for
            (package / "bin").mkdir(exist_ok=True)
            shutil.copy2(stage / "bin" / "selmcast", package / "bin")


class Binary(Distribution):
    def has_ext_modules(self):
        return True


(WORK / "egg").mkdir(parents=True, exist_ok=True)
setup(
    cmdclass={"build_py": BuildWithCMake},
    distclass=Binary,
    options={"build": {"build_base": str(WORK / "base")}, "egg_info": {"egg_base": str(WORK / "egg")}},
)
