"""Writes provider_schema.json: which arguments and blocks the resources that we use have, and which they must have.

Terraform itself would ask its registry for the provider, which cannot be reached from where this is built. HashiCorp's
bindings for Python (PyPI: cdktf-cdktf-provider-google, made from the provider's own schema) say the same. They are not
a dependency: when a resource is added, unpack the wheel anywhere and run

    python -m tests.deploy.provider_schema FOLDER/cdktf_cdktf_provider_google
"""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TERRAFORM = HERE.parents[1] / "deploy" / "terraform"
SCHEMA = HERE / "provider_schema.json"
_META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}
_IGNORED = _META | {"timeouts"}


def used() -> list[str]:
    """The types of resources in deploy/terraform: `google_sql_database`."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(TERRAFORM.glob("*.tf"))]
    return sorted({found for text in texts for found in re.findall(r'^resource "(\w+)"', text, re.MULTILINE)})


def read(bindings: Path, resource: str) -> dict[str, Any]:
    """The schema of one resource, from its module of the bindings."""
    module = ast.parse((bindings / resource.removeprefix("google_") / "__init__.py").read_text(encoding="utf-8"))
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    (config,) = (name for name in classes if name.endswith("Config") and _is_config(classes[name]))
    schema = _struct(classes, config)
    del schema["id"]  # what Terraform itself calls it
    return schema


def _is_config(node: ast.ClassDef) -> bool:
    return any("TerraformMetaArguments" in ast.unparse(base) for base in node.bases)


def _struct(classes: dict[str, ast.ClassDef], name: str) -> dict[str, Any]:
    body = classes[name].body
    (init,) = (node for node in body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    fields: dict[str, Any] = {}
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        field = argument.arg.rstrip("_")
        if field in _IGNORED or argument.annotation is None:
            continue
        annotation = ast.unparse(argument.annotation)
        block = next((one for one in re.findall(r"\w+", annotation) if one in classes), None)
        fields[field] = {"required": default is None, **({"block": _struct(classes, block)} if block else {})}
    return fields


def main() -> None:
    """Write the file for the resources that are in use now."""
    bindings = Path(sys.argv[1])
    found = {resource: read(bindings, resource) for resource in used()}
    SCHEMA.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
