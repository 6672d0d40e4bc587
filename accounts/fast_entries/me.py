"""The user's own profile, with which a client checks its session."""

from accounts.fast_entries.reading import read
from accounts.serializers.people import UserSerializer
from tenants.api.fast_entry import FastAnswer, FastRequest


def retrieve_profile(request: FastRequest) -> FastAnswer | None:
    found = None if request.query else read(request, lambda _: [])
    if found is None:
        return None
    user = found.session.known.user
    profile = UserSerializer(user, context={"session": found.session.row}).data
    return found.answer(profile, headers=(("ETag", f'"{user.version}"'),))
