"""Device sequence: the sale numbers of an offline till, as corrected by a manager."""

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
    """Set the last number of a device and return it. The next sale is expected to have the next.

    Gaps are reported up to this number.
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
