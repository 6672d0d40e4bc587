"""A local server that answers as Stripe documents its API of PaymentIntents, readers and refunds.

It keeps its objects in memory, replays idempotency keys with their answers, also failures, and
refuses a key that comes with other parameters. Scripted failures say what happens to a request:
see `StripeServer.fail`.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import stripe

READER = "tmr_counter"
ONE_READER, ONE_INTENT = r"/v1/terminal/readers/(\w+)", r"/v1/payment_intents/(\w+)"
# Method, path and the method of the server that answers.
ROUTES = (
    ("POST", "/v1/payment_intents", "create_intent"),
    ("GET", ONE_INTENT, "show_intent"),
    ("POST", f"{ONE_INTENT}/cancel", "cancel_intent"),
    ("POST", "/v1/terminal/readers", "register_reader"),
    ("GET", ONE_READER, "show_reader"),
    ("POST", f"{ONE_READER}/process_payment_intent", "process"),
    ("POST", f"{ONE_READER}/refund_payment", "refund_at_reader"),
    ("POST", f"{ONE_READER}/cancel_action", "cancel_action"),
    ("POST", "/v1/refunds", "refund_without_card"),
    ("GET", "/v1/refunds", "list_refunds"),
    ("GET", r"/v1/refunds/(\w+)", "show_refund"),
)


class StripeRefusal(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        kind = "idempotency_error" if code == "idempotency_error" else "invalid_request_error"
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": message or code}}
        super().__init__(code)


@dataclass
class Failure:
    """What happens to the next request to a path.

    `before`: it is lost, and nothing is done. `after`: it is done, and the answer is lost.
    Otherwise it is refused with the code; with `is_done` although it was done.
    """

    path: str
    when: str = ""
    code: str = ""
    status: int = 400
    is_done: bool = False


@dataclass
class StripeServer:
    port: int = 0
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    readers: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    # The answer of each idempotency key, with the parameters of its first request.
    keys: dict[str, tuple[Any, int, Any]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    # (method, path, parameters, idempotency key) of every request.
    requests: list[tuple[str, str, dict[str, Any], str]] = field(default_factory=list)
    refund_status: str = "succeeded"
    # Ids are not reused, also if a test forgets earlier intents.
    intent_numbers: Iterator[int] = field(default_factory=lambda: count(1))
    # Called with every request before it is answered.
    on_request: Callable[[str, str], None] = lambda method, path: None
    lock: Any = field(default_factory=threading.RLock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_reader(self, id: str = READER) -> None:
        self.readers[id] = {"id": id, "object": "terminal.reader", "action": None, "label": ""}

    def fail(self, path: str, when: str = "", **more: Any) -> None:
        """Let the next request whose path ends so fail."""
        self.failures.append(Failure(path, when, **more))

    def list_paths(self) -> list[str]:
        return [path for _, path, _, _ in self.requests]

    def list_keys(self, ending: str) -> list[str]:
        return [key for _, path, _, key in self.requests if path.endswith(ending)]

    # --- what happens at the reader ---------------------------------------------------------------

    def present_card(self, reader: str = READER, kind: str = "card_present") -> dict[str, Any]:
        """Let the customer present a card that is accepted; for a refund, the refund is made."""
        action = self.readers[reader]["action"]
        assert action is not None
        assert action["status"] == "in_progress"
        action["status"] = "succeeded"
        if action["type"] == "refund_payment":
            return self.create_refund(action["refund_payment"])
        intent = self.intents[action["process_payment_intent"]["payment_intent"]]
        self.capture(intent, kind)
        return intent

    def capture(self, intent: dict[str, Any], kind: str = "card_present") -> None:
        intent["status"] = "succeeded"
        intent["latest_charge"] = {
            "id": f"ch_{intent['id']}",
            "object": "charge",
            "amount_refunded": 0,
            "refunded": False,
            "payment_method_details": {"type": kind, kind: {}},
        }

    def decline_card(self, reader: str = READER, message: str = "Insufficient funds.") -> None:
        action = self.readers[reader]["action"]
        action |= {"status": "failed", "failure_code": "card_declined", "failure_message": message}
        if action["type"] == "process_payment_intent":
            intent = self.intents[action["process_payment_intent"]["payment_intent"]]
            intent["last_payment_error"] = {"code": "card_declined", "message": message}

    def create_refund(self, request: dict[str, Any]) -> dict[str, Any]:
        intent = self.intents[request["payment_intent"]]
        charge = intent["latest_charge"]
        left = intent["amount"] - charge["amount_refunded"] if charge else 0
        amount = int(request.get("amount", left))
        if not left or amount > left:
            raise StripeRefusal(400, "charge_already_refunded")
        refund = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": amount,
            "payment_intent": intent["id"],
            "metadata": request.get("metadata", {}),
            "status": self.refund_status,
            "failure_reason": None,
        }
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == intent["amount"]
        self.refunds[str(refund["id"])] = refund
        return refund

    # --- events -----------------------------------------------------------------------------------

    def build_event(self, kind: str, subject: dict[str, Any]) -> bytes:
        event = {
            "id": f"evt_{len(self.requests)}",
            "object": "event",
            "type": kind,
            "data": {"object": subject},
        }
        return json.dumps(event).encode()

    @staticmethod
    def sign(body: bytes, secret: str, at: float | None = None) -> str:
        moment = int(time.time() if at is None else at)
        return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, moment))

    # --- requests ---------------------------------------------------------------------------------

    def answer(
        self, method: str, path: str, params: dict[str, Any], key: str
    ) -> tuple[int, Any] | None:
        """Return status and body, or None if the connection is to be cut."""
        self.on_request(method, path)
        with self.lock:
            self.requests.append((method, path, params, key))
            failure = self.take_failure(path)
            if failure and failure.when == "before":
                return None
            if failure and failure.code and not failure.is_done:
                return self.remember(key, params, failure.status, failure.code)
            answered = self.run_once(method, path, params, key)
            if failure and failure.when == "after":
                return None
            if failure and failure.code:
                return failure.status, StripeRefusal(failure.status, failure.code).body
            return answered

    def take_failure(self, path: str) -> Failure | None:
        for failure in self.failures:
            if path.endswith(failure.path):
                self.failures.remove(failure)
                return failure
        return None

    def remember(self, key: str, params: Any, status: int, code: str) -> tuple[int, Any]:
        body = StripeRefusal(status, code).body
        if key:
            self.keys[key] = (params, status, body)
        return status, body

    def run_once(self, method: str, path: str, params: Any, key: str) -> tuple[int, Any]:
        if method == "POST" and key in self.keys:
            known, status, body = self.keys[key]
            if known != params:
                return 400, StripeRefusal(400, "idempotency_error").body
            return status, body
        try:
            status, body = 200, self.run(method, path, params)
        except StripeRefusal as refusal:
            status, body = refusal.status, refusal.body
        body = json.loads(json.dumps(body))
        if method == "POST" and key:
            self.keys[key] = (params, status, body)
        return status, body

    def run(self, method: str, path: str, params: dict[str, Any]) -> Any:
        for known, pattern, name in ROUTES:
            found = re.fullmatch(pattern, path)
            if known == method and found:
                return getattr(self, name)(*found.groups(), params)
        raise StripeRefusal(404, "resource_missing")

    def register_reader(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["registration_code"] != "simulated-wpe":
            raise StripeRefusal(400, "resource_missing", "No such registration code.")
        self.add_reader("tmr_new")
        return self.readers["tmr_new"]

    def show_reader(self, id: str, params: dict[str, Any]) -> dict[str, Any]:
        return self.find(self.readers, id)

    def show_refund(self, id: str, params: dict[str, Any]) -> dict[str, Any]:
        return self.find(self.refunds, id)

    def list_refunds(self, params: dict[str, Any]) -> dict[str, Any]:
        intent = params["payment_intent"]
        found = [each for each in self.refunds.values() if each["payment_intent"] == intent]
        return {"object": "list", "data": found, "has_more": False, "url": "/v1/refunds"}

    def refund_without_card(self, params: dict[str, Any]) -> dict[str, Any]:
        charge = self.find(self.intents, params["payment_intent"])["latest_charge"]
        if charge and charge["payment_method_details"]["type"] == "interac_present":
            raise StripeRefusal(400, "", "Interac refunds need the card at the reader.")
        return self.create_refund(params)

    def refund_at_reader(self, id: str, params: dict[str, Any]) -> dict[str, Any]:
        return self.start(self.find(self.readers, id), "refund_payment", params)

    def find(self, objects: dict[str, dict[str, Any]], id: str) -> dict[str, Any]:
        if id not in objects:
            raise StripeRefusal(404, "resource_missing")
        return objects[id]

    def create_intent(self, params: dict[str, Any]) -> dict[str, Any]:
        intent = {
            "id": f"pi_{next(self.intent_numbers)}",
            "object": "payment_intent",
            "amount": int(params["amount"]),
            "currency": params["currency"],
            "status": "requires_payment_method",
            "metadata": params["metadata"],
            "payment_method_types": params["payment_method_types"],
            "last_payment_error": None,
            "latest_charge": None,
        }
        self.intents[str(intent["id"])] = intent
        return intent

    def show_intent(self, id: str, params: dict[str, Any]) -> dict[str, Any]:
        intent = self.find(self.intents, id)
        charge = intent["latest_charge"]
        if charge and "latest_charge" not in params.get("expand", []):
            return {**intent, "latest_charge": charge["id"]}
        return intent

    def cancel_intent(self, id: str, params: dict[str, Any]) -> dict[str, Any]:
        intent = self.find(self.intents, id)
        if intent["status"] not in {"requires_payment_method", "requires_capture"}:
            raise StripeRefusal(400, "payment_intent_unexpected_state")
        intent["status"] = "canceled"
        return intent

    def process(self, id: str, params: dict[str, Any]) -> dict[str, Any]:
        reader = self.find(self.readers, id)
        intent = self.find(self.intents, params["payment_intent"])
        if intent["status"] != "requires_payment_method":
            raise StripeRefusal(400, "intent_invalid_state")
        return self.start(reader, "process_payment_intent", params)

    def start(self, reader: dict[str, Any], kind: str, params: dict[str, Any]) -> dict[str, Any]:
        action = reader["action"]
        if action and action["status"] == "in_progress":
            raise StripeRefusal(400, "terminal_reader_busy", "The reader is busy.")
        reader["action"] = {
            "type": kind,
            "status": "in_progress",
            "failure_code": None,
            "failure_message": None,
            kind: dict(params),
        }
        return reader

    def cancel_action(self, id: str, params: dict[str, Any]) -> dict[str, Any]:
        reader = self.find(self.readers, id)
        reader["action"] = None
        return reader


def parse_form(text: str) -> dict[str, Any]:
    """Return the parameters of a form, with `a[b]=1` and `a[0]=1` nested."""
    params: dict[str, Any] = {}
    for name, value in parse_qsl(text):
        first, *rest = name.replace("]", "").split("[")
        if not rest:
            params[first] = value
        elif rest[0].isdigit():
            params.setdefault(first, []).append(value)
        else:
            params.setdefault(first, {})[rest[0]] = value
    return params


class StripeHandler(BaseHTTPRequestHandler):
    stripe_server: ClassVar[StripeServer]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.reply("GET", parts.path, parse_form(parts.query))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply("POST", self.path, parse_form(body.decode()))

    def reply(self, method: str, path: str, params: dict[str, Any]) -> None:
        key = self.headers.get("Idempotency-Key", "")
        answered = self.stripe_server.answer(method, path, params, key)
        if answered is None:
            # The client sees a connection that ends without an answer.
            self.close_connection = True
            return
        content = json.dumps(answered[1]).encode()
        self.send_response(answered[0])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Write no log."""


@contextmanager
def run_stripe_server() -> Iterator[StripeServer]:
    """Run the server with one reader."""
    stripe_server = StripeServer()
    stripe_server.add_reader()
    handler = type("Handler", (StripeHandler,), {"stripe_server": stripe_server})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    stripe_server.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stripe_server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
