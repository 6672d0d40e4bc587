"""The numbers that a till gives to its sales, where a manager sets them right."""

from accounts.models import User
from orders.models import RegisterSeries
from tenants import audit
from tenants.events.outbox import publish
from tenants.models import Register
from tenants.scope import atomic_with_retry


@atomic_with_retry
def set_device_sequence(
    register: Register, last_device_sequence: int, *, reason: str = "", by: User
) -> int:
    """Set the last number of a till, up or down; its next sale is expected to have the next one.

    Gaps are looked for up to it. The number that it has already is no change. Returns it.
    """
    RegisterSeries.objects.increment(register)
    series = RegisterSeries.objects.get(register=register)
    before = series.last_device_sequence, series.held_device_sequence
    if before == (last_device_sequence, last_device_sequence):
        return last_device_sequence
    RegisterSeries.objects.filter(pk=series.pk).update(
        last_device_sequence=last_device_sequence, held_device_sequence=last_device_sequence
    )
    audit.record(
        "device_sequence_set",
        actor=by,
        target=register,
        before=series.last_device_sequence,
        after=last_device_sequence,
        reason=reason,
    )
    publish(
        "register.device_sequence_set",
        about=register,
        last_device_sequence=last_device_sequence,
    )
    return last_device_sequence
