"""Principals of a test: a token for each, made on the command line before the server starts."""

from .client import TOKEN
from .waiting import check

# name: (role, options of `token create`)
CAST = {
    "boss": ("admin", ()),
    "second": ("admin", ()),
    "writer": ("writer", ()),
    "auditor": ("auditor", ()),
    "keeper": ("retention", ()),
    "breaker": ("retention", ("--right", "bypass")),
}


class People:
    """The tokens of some names of `CAST`, or of `others` in the same form."""

    def __init__(self, env, data, *names, others=None, faked=None):
        self.env, self.data = env, data
        cast = {**CAST, **(others or {})}
        self.tokens = {}
        for name in (*names, *(others or {})):
            role, options = cast[name]
            self.tokens[name] = env.token(data, name, role, *options, env=faked)

    def client(self, server, name, timeout=180):
        return server.client(timeout=timeout, token=self.tokens[name])

    def clients(self, server, timeout=180):
        """One client for each, by name."""
        return {name: self.client(server, name, timeout) for name in self.tokens}

    def run(self, server, name, *arguments, **options):
        """The command line on a running server, as this person."""
        own = {"STRONGROOM_SERVER": server.url, "STRONGROOM_TOKEN": self.tokens[name]}
        options["env"] = {**own, **options.get("env", {})}
        return self.env.run(*arguments, **options)

    def add(self, name, reply):
        """Keeps the token of a reply to POST /v1/tokens."""
        check(reply.status == 201, lambda: f"no token for {name}: {reply}")
        self.tokens[name] = reply.json["token"]
        check(TOKEN.fullmatch(self.tokens[name]), f"a token of another form: {reply}")
        return self.tokens[name]
