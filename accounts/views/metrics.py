"""Metrics endpoint."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import ALL_METHODS, IsAdmin
from accounts.serializers.metrics import MetricsSerializer
from accounts.services.metrics import compute_metrics
from tenants.scope import tenant_scope


class MetricsView(APIView):
    """Metrics of users, sessions and log-ins of the tenant."""

    permission_classes = (IsAdmin,)
    password_only = ALL_METHODS

    @extend_schema(responses=MetricsSerializer)
    def get(self, request: Request) -> Response:
        with tenant_scope(request.user.tenant):
            metrics = compute_metrics()
        return Response(MetricsSerializer(metrics).data)
