"""Modules of the browser register in an embedded V8, which has neither ES modules nor a DOM."""

import json
import re
from typing import Any

from py_mini_racer import MiniRacer

from tests.support.schema_digest import ROOT

MODULES = ROOT / "orders" / "static" / "till"
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) )", re.MULTILINE)


class JavaScriptError(Exception):
    """An error that a function of a module threw."""


class Module:
    """A module without imports, whose exported functions can be called with JSON."""

    def __init__(self, name: str) -> None:
        source, exports = EXPORT.subn("", (MODULES / name).read_text("utf-8"))
        assert exports, f"{name} exports nothing"
        assert not re.search(r"^(import|export)\b", source, re.MULTILINE), name
        self.engine = MiniRacer()
        self.engine.eval(source)

    def call(self, function: str, *arguments: Any) -> Any:
        """Return the result of a function. Raises `JavaScriptError` with what it threw."""
        call = f"{function}(...{json.dumps(arguments)})"
        answer = json.loads(
            self.engine.eval(
                f"(() => {{ try {{ return JSON.stringify({{result: {call}}}) }}"
                " catch (error) { return JSON.stringify({error: String(error)}) } })()"
            )
        )
        if "error" in answer:
            raise JavaScriptError(answer["error"])
        return answer["result"]
