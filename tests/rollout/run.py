"""Checks what people roll orgscan out with: templates, image, AgentCore's files, examples.

    python tests/rollout/run.py [-k NAME]

The packages are in requirements.txt and constraints.txt beside this file. They are not those of tests/moto, because the
AgentCore toolkit brings many more. Nothing here needs AWS, a container engine or the network.
"""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).parent

if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(HERE.parent / "moto")]
    arguments = ["discover", "--start-directory", str(HERE), "--top-level-directory", str(HERE)]
    unittest.main(module=None, argv=[sys.argv[0], *arguments, *sys.argv[1:]], buffer=True, warnings="ignore")
