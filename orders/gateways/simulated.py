"""Simulated gateway for demos, tests and development."""

import time

from django.conf import settings

from orders.gateways import Answer, Charge, GatewayRefund, Outcome

# By the last two digits of the amount in minor units, as card networks' test amounts do.
DECLINES = 91
TIMES_OUT_BUT_CAPTURED = 92
TIMES_OUT_AND_DECLINED = 93
ANSWERS_LATE = 94
# At a register with a card reader.
WAITS_FOR_CARD = 95
LATE_SECONDS = 2.0
REFUSED = Answer(Outcome.DECLINED, reason="No card reader is configured.")


class SimulatedGateway:
    """Capture every amount except those that end in .91 to .95.

    .91 is declined, .92 and .93 time out (a look-up then answers captured, or declined), .94 is
    captured after two seconds. At a card reader .95 waits for the customer: it is pending until it
    is looked up, which the relay does after ten seconds, and can be canceled. A refund of such a
    charge waits for the card as well. Charges and refunds nothing unless PAYMENT_SIMULATOR is on.
    """

    is_simulated = True

    def charge(self, charge: Charge, *, timeout: float) -> Answer:
        if not settings.PAYMENT_SIMULATOR:
            return REFUSED
        match self.last_two_digits(charge):
            case 92 | 93:
                return Answer(Outcome.UNKNOWN, reason="The gateway did not answer in time.")
            case 94:
                time.sleep(min(LATE_SECONDS, timeout))
                if timeout < LATE_SECONDS:
                    return Answer(Outcome.UNKNOWN, reason="The gateway did not answer in time.")
            case 95 if charge.is_at_reader:
                return Answer(Outcome.PENDING, reference=self.name_charge(charge))
        return self.look_up(charge, timeout=timeout)

    def look_up(self, charge: Charge, *, timeout: float) -> Answer:
        if self.last_two_digits(charge) in {DECLINES, TIMES_OUT_AND_DECLINED}:
            return Answer(Outcome.DECLINED, reason="Declined by the card's bank.")
        return Answer(Outcome.CAPTURED, reference=self.name_charge(charge))

    def cancel(self, charge: Charge, *, timeout: float) -> Answer:
        """Cancel what timed out or waits; what was captured has to be refunded."""
        open_amounts = {TIMES_OUT_BUT_CAPTURED, TIMES_OUT_AND_DECLINED, WAITS_FOR_CARD}
        if self.last_two_digits(charge) in open_amounts:
            return Answer(Outcome.DECLINED, reason="Canceled.")
        return self.look_up(charge, timeout=timeout)

    def refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        if not settings.PAYMENT_SIMULATOR:
            return REFUSED
        if self.last_two_digits(back) in {TIMES_OUT_BUT_CAPTURED, TIMES_OUT_AND_DECLINED}:
            return Answer(Outcome.UNKNOWN, reason="The gateway did not answer in time.")
        if back.is_at_reader:
            return Answer(Outcome.PENDING)
        return self.look_up_refund(back, timeout=timeout)

    def needs_card_for_refund(self, charge: Charge, *, timeout: float) -> bool:
        return charge.is_at_reader and self.last_two_digits(charge) == WAITS_FOR_CARD

    def cancel_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        return Answer(Outcome.DECLINED, reason="Canceled.")

    def look_up_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        if self.last_two_digits(back) in {DECLINES, TIMES_OUT_AND_DECLINED}:
            return Answer(Outcome.DECLINED, reason="Declined by the card's bank.")
        return Answer(Outcome.CAPTURED, reference=f"sim-back-{back.key.hex[:12]}")

    @staticmethod
    def name_charge(charge: Charge) -> str:
        return f"sim-{charge.key.hex[:12]}"

    @staticmethod
    def last_two_digits(charge: Charge | GatewayRefund) -> int:
        return int(charge.amount.scaleb(charge.exponent)) % 100
