"""What sorts of devices there are: how each is let in, where its mail is, and
by which policy it sees it. And what servers and policies that takes."""

import dataclasses
import itertools

# Users of these domains are routed by their name, or by a service's word.
PAIR_DOMAIN = "pair.example"
MAPPED_DOMAIN = "mapped.example"
BEARER_DOMAIN = "bearer.example"


@dataclasses.dataclass(frozen=True)
class Kind:
    """
    share    how many of all devices, against the shares of the others
    proof    how it logs in: the name of a function of logins.py
    domain   what its name ends in; empty: it has none
    account  options of `popinjay account add`; None: it has no account, and
             what it gives is judged upstream
    removal  what QUIT makes of a message: on_delete, or "any" where that
             changes meanwhile and only removal for good is ruled out
    boxes    the mailboxes of its maildrop
    """
    name: str
    share: int
    proof: str = "user_pass"
    domain: str = ""
    account: tuple | None = None
    removal: str = "expunge"
    boxes: tuple = ("INBOX",)

    @property
    def has_tokens(self):
        return self.account is not None and "--oauth" in self.account


KINDS = (
    Kind("passed", 4),
    Kind("pair", 3, domain=PAIR_DOMAIN),
    Kind("mapped", 2, domain=MAPPED_DOMAIN),
    Kind("newest", 2, account=("--policy", "newest")),
    Kind("two", 1, "plain", boxes=("INBOX", "Reports"),
         account=("--seal-by-password", "--upstream", "pair",
                  "--policy", "two")),
    Kind("trash", 1, "apop", removal="trash",
         account=("--recoverable", "--policy", "trash")),
    Kind("seen", 1, "cram_md5", removal="seen",
         account=("--recoverable", "--policy", "seen")),
    Kind("keep", 2, "scram", removal="keep",
         account=("--scram", "--upstream", "pair", "--policy", "keep")),
    Kind("tokens", 3,
         account=("--oauth", "tokens", "--upstream", "tokens")),
    Kind("bearer", 1, "xoauth2", domain=BEARER_DOMAIN),
    Kind("changing", 1, "plain", removal="any",
         account=("--oauth", "tokens", "--upstream", "tokens",
                  "--policy", "changing")),
)


def of_devices(count):
    """The kind of each, all of them mixed from the first on."""
    turns = [[(place / kind.share, kind) for place in range(kind.share)]
             for kind in KINDS]
    order = [kind for _, kind in sorted(itertools.chain(*turns),
                                        key=lambda turn: turn[0])]
    return list(itertools.islice(itertools.cycle(order), count))


def policies(turn):
    """{section: {key: value}}, which a reload makes those of the next turn."""
    return {
        "policy newest": {"newest": (5, 8, 0)[turn % 3]},
        "policy two": {"mailboxes": ("INBOX, Reports",
                                     "Reports, INBOX")[turn % 2]},
        "policy trash": {"on_delete": "trash"},
        # Without mark_seen only QUIT behind a DELE takes a message away.
        "policy seen": {"on_delete": "seen", "unread_only": "yes",
                        "mark_seen": "no"},
        "policy keep": {"on_delete": "keep", "mark_seen": "no"},
        "policy changing": {
            "on_delete": ("trash", "seen", "keep")[turn % 3]},
    }
