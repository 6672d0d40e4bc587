"""JSON Web Key Set of the public signing keys."""

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.views.auth import UnauthenticatedView

# Shorter than the time between adding and activating a new key.
SECONDS = 300


class KeysView(UnauthenticatedView):
    """JSON Web Key Set (RFC 7517); 404 if tokens are signed with a shared secret."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        keys = settings.JWT_KEYS.public_jwks()
        if not keys:
            raise Http404
        return Response({"keys": keys}, headers={"Cache-Control": f"max-age={SECONDS}"})
