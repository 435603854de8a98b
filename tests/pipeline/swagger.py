"""Holds requests and answers against an OpenAPI 2 (Swagger) description."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT4

_WHOLE = "urn:description"
_TYPES = {
    "string": str,
    "integer": lambda text: int(text),
    "boolean": lambda text: {"true": True, "false": False}[text],
}


class Swagger:
    """A description; its checks end in AssertionError or jsonschema's ValidationError."""

    def __init__(self, path: Path):
        # References are found from any part of it: by a name for the whole.
        text = path.read_text().replace('"#/definitions/', f'"{_WHOLE}#/definitions/')
        self._description = json.loads(text)
        # What a schema does not name is a mistake, not an extension.
        for schema in self._description["definitions"].values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
        registry = Registry().with_resource(_WHOLE, DRAFT4.create_resource(self._description))
        self._validator = jsonschema.Draft4Validator({}, registry=registry)

    def operation(self, method: str, path: str) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """The operation at a path, and the values of the path's parameters."""
        found = []
        for template, operations in self._description["paths"].items():
            names = re.findall(r"\{([^}]+)\}", template)
            pattern = re.sub(r"\\\{[^}]+\\\}", r"([^/:]+)", re.escape(template))
            match = re.fullmatch(pattern, path)
            if match and method.lower() in operations:
                values = dict(zip(names, match.groups()))
                found.append((len(names), template, operations[method.lower()], values))
        assert found, f"{method} {path} is not described"
        # "/pipelines/upload" rather than "/pipelines/{pipeline_id}".
        _, _, operation, values = min(found, key=lambda one: one[:2])
        return operation, values

    def check_request(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: Any,
        files: Sequence[str],
    ) -> None:
        """Parameters, body and the names of the parts of a form."""
        operation, _ = self.operation(method, path)
        parameters = {(one["in"], one["name"]): one for one in operation.get("parameters", [])}
        for name, value in query:
            assert ("query", name) in parameters, f"{method} {path} has no parameter {name}"
            described = parameters["query", name]
            read = _TYPES[described["type"]](value)
            assert "enum" not in described or read in described["enum"], (name, value)
        for (place, name), one in parameters.items():
            if place == "query" and one.get("required"):
                assert name in dict(query), f"{method} {path} needs {name}"
        forms = [name for place, name in parameters if place == "formData"]
        assert sorted(files) == sorted(forms), f"{method} {path}: {files}, not {forms}"
        bodies = [one for (place, _), one in parameters.items() if place == "body"]
        if bodies:
            assert body is not None, f"{method} {path} needs a body"
            self._check(body, bodies[0]["schema"])
        else:
            assert body is None, f"{method} {path} has no body"

    def check_answer(self, method: str, path: str, status: int, answer: Any) -> None:
        """The JSON of an answer."""
        operation, _ = self.operation(method, path)
        responses = operation["responses"]
        self._check(answer, responses.get(str(status), responses["default"])["schema"])

    def _check(self, value: Any, schema: Mapping[str, Any]) -> None:
        self._validator.evolve(schema=schema).validate(value)
