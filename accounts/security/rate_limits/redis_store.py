"""Counters in Redis. Imported only with a REDIS_URL."""

import json
import time
from collections.abc import Callable, Collection
from dataclasses import astuple

import structlog
from django_redis import get_redis_connection
from redis.client import Pipeline
from redis.exceptions import RedisError

from accounts.security.rate_limits.algorithm import State
from accounts.security.rate_limits.stores import Change, Store, T

# Seconds without Redis after a failure, so that not every log-in waits for its timeout.
REDIS_RETRY_SECONDS = 10.0
log = structlog.get_logger("till.limiter")


class RedisCounterStore:
    """One JSON value per bucket, updated with optimistic locking."""

    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        names = {key: build_redis_key(key) for key in sorted(keys)}

        def attempt(pipe: Pipeline) -> T:
            texts, now = pipe.mget(names.values()), time.time()
            states = map(parse_state, texts)
            answer, kept = change(dict(zip(names, states, strict=True)), now)
            pipe.multi()
            for key, state in kept.items():
                if state is None:
                    pipe.delete(names[key])
                else:
                    lasts = max(int((state.forgotten_at - now) * 1000), 1)
                    pipe.set(names[key], json.dumps(astuple(state)), px=lasts)
            return answer

        redis = get_redis_connection("default")
        answer: T = redis.transaction(attempt, *names.values(), value_from_callable=True)
        return answer

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        names = [build_redis_key(key) for key in keys]
        states = map(parse_state, get_redis_connection("default").mget(names)) if names else ()
        return {key: state for key, state in zip(keys, states, strict=False) if state}


def build_redis_key(key: str) -> str:
    return f"till:limiter:{key}"


def parse_state(text: bytes | str | None) -> State | None:
    return State(*json.loads(text)) if text else None


class FallbackStore:
    """Use the first store, and the second with its own counters while the first is down."""

    def __init__(self, first: Store, second: Store) -> None:
        self.first = first
        self.second = second
        self.paused_until = 0.0

    def changed(self, keys: Collection[str], change: Change[T]) -> T:
        return self.run(lambda store: store.changed(keys, change))

    def kept(self, keys: Collection[str]) -> dict[str, State]:
        return self.run(lambda store: store.kept(keys))

    def run(self, operation: Callable[[Store], T]) -> T:
        if time.monotonic() >= self.paused_until:
            try:
                return operation(self.first)
            except RedisError as error:
                self.paused_until = time.monotonic() + REDIS_RETRY_SECONDS
                log.warning("redis_away", error=type(error).__name__)
        return operation(self.second)
