"""The container image, as far as it can be looked at without a container engine."""

import pathlib
import re
import subprocess
import sys
import unittest

from repository import ROOT, CommandLine, read


class Dockerfile(unittest.TestCase):
    def setUp(self):
        text = read("Dockerfile.agentcore")
        text = re.sub(r"^#.*\n", "", text, flags=re.M)
        joined = re.sub(r"\\\n\s*", "", text)
        self.lines = [it for it in joined.splitlines() if it.strip()]
        last = max(number for number, it in enumerate(self.lines) if it.startswith("FROM "))
        self.build, self.final = self.lines[:last], self.lines[last:]

    def test_hadolint_is_silent(self):
        hadolint = pathlib.Path(sys.executable).parent / "hadolint"
        ran = subprocess.run([hadolint, ROOT / "Dockerfile.agentcore"], capture_output=True, text=True, check=False)
        self.assertEqual((ran.stdout + ran.stderr, ran.returncode), ("", 0))

    def test_nothing_is_fetched_from_docker_hub(self):
        # A syntax line would fetch the frontend from there; whoever builds has one that suffices.
        self.assertNotRegex(read("Dockerfile.agentcore"), r"(?m)^# *syntax *=")
        for line in self.build + self.final:
            if line.startswith("FROM "):
                self.assertRegex(line, r"FROM --platform=\S+ (public\.ecr\.aws|gcr\.io)/")

    def test_the_compiler_runs_natively_and_the_image_is_arm64(self):
        self.assertIn("--platform=$BUILDPLATFORM", self.build[0])
        self.assertIn("--platform=linux/arm64", self.final[0])
        self.assertEqual(len([it for it in self.lines if it.startswith("FROM ")]), 2)

    def test_both_stages_have_the_same_c_library(self):
        debian = {"trixie": "13"}[re.search(r"-slim-(\w+)", self.build[0]).group(1)]
        self.assertIn(f"-debian{debian}:", self.final[0])

    def test_the_compiler_is_the_one_that_the_project_asks_for(self):
        wanted = re.search(r'^rust-version = "([\d.]+)"', read("Cargo.toml"), re.M).group(1)
        given = re.search(r"rust:([\d.]+)-", self.build[0]).group(1)
        self.assertGreaterEqual([int(it) for it in given.split(".")], [int(it) for it in wanted.split(".")])

    def test_the_simulator_is_left_out_and_the_lock_is_kept(self):
        builds = [it for it in self.build if "cargo build" in it]
        self.assertEqual(len(builds), 2)
        for it in builds:
            self.assertRegex(it, r"cargo build --release --locked --no-default-features$")

    def test_libraries_are_built_before_the_sources_are_copied(self):
        order = [number for number, it in enumerate(self.build) if "cargo build" in it or it.startswith("COPY")]
        said = ["build" if "cargo build" in self.build[it] else self.build[it] for it in order]
        self.assertEqual(said, ["COPY Cargo.toml Cargo.lock ./", "build", "COPY src src", "build"])

    def test_it_is_not_root_has_no_shell_and_serves(self):
        self.assertRegex(self.final[0], r" gcr\.io/distroless/[\w-]+:nonroot$")
        said = dict(it.split(" ", 1) for it in self.final[1:])
        self.assertRegex(said["USER"], r"^[1-9]\d*:[1-9]\d*$")
        self.assertNotIn("RUN", said)
        self.assertEqual(said["ENTRYPOINT"], '["/usr/local/bin/orgscan"]')
        self.assertEqual(said["CMD"], '["serve"]')
        self.assertIn("serve", CommandLine().commands)

    def test_its_port_is_the_default_of_orgscan(self):
        port = dict(it.split(" ", 1) for it in self.final[1:])["EXPOSE"]
        self.assertIn(f'env = "MCP_SERVER_PORT", default_value = "{port}"', read("src/cli/mod.rs"))
        self.assertIn('env = "MCP_SERVER_HOST", default_value = "0.0.0.0"', read("src/cli/mod.rs"))

    def test_only_what_is_copied_is_sent_to_the_builder(self):
        lines = [it for it in read(".dockerignore").splitlines() if it and not it.startswith("#")]
        self.assertEqual(lines[0], "*")
        copied = {name for it in self.build if it.startswith("COPY") for name in it.split()[1:-1]}
        self.assertEqual({it.removeprefix("!") for it in lines[1:]}, copied)
        for name in copied:
            self.assertTrue((ROOT / name).exists(), name)

    def test_the_sources_need_nothing_that_is_not_copied(self):
        self.assertFalse((ROOT / "build.rs").exists())
        for source in (ROOT / "src").rglob("*.rs"):
            for name in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', source.read_text()):
                self.assertTrue((source.parent / name).resolve().is_relative_to(ROOT / "src"), f"{source}: {name}")
