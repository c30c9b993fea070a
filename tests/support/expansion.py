"""Expands a SAM template with the library that AWS runs; for the interpreter of build/template/venv.

Reads {"template": …, "parameters": …} from standard input, writes the expanded template. Asks AWS nothing.
"""

import json
import sys

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def main():
    given = json.load(sys.stdin)
    session = boto3.session.Session(region_name="us-east-1")
    translator = Translator(managed_policy_map={}, sam_parser=Parser(), boto_session=session)
    json.dump(translator.translate(given["template"], given["parameters"]), sys.stdout)


if __name__ == "__main__":
    main()
