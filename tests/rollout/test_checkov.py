"""What checkov says of the templates: a third party's rules for rights, encryption and storage.

It has an environment of its own, as it wants other versions than the tools beside it. What a template lets pass, it says
with the reason in the metadata of the resource.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from repository import TEMPLATES, template

CHECKOV = os.environ.get("ORGSCAN_TEST_CHECKOV", "")


def everything(name):
    """A template in which every resource is made, whatever is chosen: checkov passes over what a condition leaves out."""
    parsed = template(name)
    for it in parsed["Resources"].values():
        it.pop("Condition", None)
    return parsed


def checked(folder):
    """The failures of all templates in a folder, and how many checks passed."""
    command = [CHECKOV, "--directory", folder, "--framework", "cloudformation", "--skip-download", "--output", "json"]
    environment = {**os.environ, "LOG_LEVEL": "CRITICAL"}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    answer = json.loads(ran.stdout)
    failed = answer["results"]["failed_checks"]
    return [f"{it['file_path']} {it['resource']}: {it['check_id']} {it['check_name']}" for it in failed], answer


@unittest.skipUnless(CHECKOV, "scripts/test names it")
class Checkov(unittest.TestCase):
    def test_it_has_nothing_against_any_template(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in TEMPLATES:
                (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps(everything(name), indent=1))
            failures, answer = checked(folder)
        self.assertEqual(failures, [])
        self.assertGreater(answer["summary"]["passed"], 60)
        for it in answer["results"]["skipped_checks"]:
            self.assertGreater(len(it["check_result"]["suppress_comment"]), 20, it["check_id"])

    def test_it_would_notice(self):
        spoilt = everything("scanner")
        del spoilt["Resources"]["RecordBucket"]["Properties"]["PublicAccessBlockConfiguration"]
        rights = spoilt["Resources"]["ScannerRole"]["Properties"]["Policies"][0]["PolicyDocument"]
        rights["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "spoilt.json").write_text(json.dumps(spoilt))
            failures, _ = checked(folder)
        for rule in ("CKV_AWS_53", "CKV_AWS_62"):
            self.assertTrue(any(rule in it for it in failures), f"{rule}: {failures}")


if __name__ == "__main__":
    unittest.main()
