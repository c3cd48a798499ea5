"""Runs a command of ours in a process that has the fake camera, as number 0, and no other."""

import sys

import engine.video.camera
from app.command.cli import main

engine.video.camera._cameras_found = lambda: (0,)

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
