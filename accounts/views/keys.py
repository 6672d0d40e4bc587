"""The public keys of the tokens, for other services that want to verify them."""

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.views.auth import UnauthenticatedView

# A new key is believed for a while before it signs: long enough for every copy to be renewed.
SECONDS = 300


class KeysView(UnauthenticatedView):
    """A JSON Web Key Set (RFC 7517); where the key is a shared secret there is none."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        keys = settings.JWT_KEYS.public_jwks()
        if not keys:
            raise Http404
        return Response({"keys": keys}, headers={"Cache-Control": f"max-age={SECONDS}"})
