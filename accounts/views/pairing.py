"""Pairing of a device by a code."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.client_info import get_client_ip, get_tenant_slug_from_host
from accounts.models import Terminal
from accounts.serializers.pairing import PairedDeviceSerializer, PairInput
from accounts.services.pairing_codes import pair_by_code
from accounts.services.terminals import Device
from accounts.views.auth import UnauthenticatedView
from tenants.api.views import read_input
from tenants.scope import tenant_scope


class PairView(UnauthenticatedView):
    """Pair this device with the register of a code, which needs no log-in."""

    @extend_schema(request=PairInput, responses={201: PairedDeviceSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        """Pair this device with the register of a code, and unpair its former terminal.

        Wrong codes are limited per address.
        """
        given = read_input(PairInput, request.data)
        terminal, token = pair_by_code(
            given["pairing_code"],
            device=Device(**given.get("device", {})),
            ip=get_client_ip(request),
            tenant=get_tenant_slug_from_host(request),
        )
        with tenant_scope(terminal.tenant):
            return answer_paired(PairedDeviceSerializer, terminal, token)


def answer_paired(
    serializer_class: type[Serializer[Any]], terminal: Terminal, token: str
) -> Response:
    """Return the answer that shows the token of a new terminal."""
    register = terminal.register
    series = getattr(register, "series", None)
    shown = {
        "terminal_token": token,
        "last_device_sequence": series.last_device_sequence if series else 0,
        "tenant": terminal.tenant,
        "store": register.store,
        "register": register,
    }
    headers = {"Cache-Control": "no-store"}
    data = serializer_class(shown).data
    return Response(data, status=status.HTTP_201_CREATED, headers=headers)
