"""The OpenAPI description of views whose requests and responses have different serializers."""

from typing import Any

from drf_spectacular.openapi import AutoSchema


class InputSchema(AutoSchema):
    """Describes the body of a request by the `input_class` of its view, if it has one."""

    def get_request_serializer(self) -> Any:
        input_class = getattr(self.view, "input_class", None)
        return input_class or super().get_request_serializer()
