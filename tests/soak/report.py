"""What the soak saw, in words and as JSON, and whether it is good."""

import collections
import json
import os
import statistics

from support.popinjay import is_sanitized

# A process that has served so long holds what it needs.
WARM_SECONDS = 180
# How much more memory the second half of its life may show than the first.
GROWTH_SHARE = 0.05
GROWTH_KB = 1024


def growth(samples):
    """[(pid, seconds, median kB early, median kB late)] of each process that
    lived long enough to tell."""
    lives = collections.defaultdict(list)
    for _, s in samples:
        if s["age"] >= WARM_SECONDS:
            lives[s["pid"]].append(s)
    rows = []
    for pid, seen in lives.items():
        half = len(seen) // 2
        if half >= 12:
            early, late = (statistics.median(s["rss_kb"] for s in part)
                           for part in (seen[:half], seen[half:]))
            rows.append((pid, seen[-1]["age"], early, late))
    return rows


def stays_large(soak):
    """What the last process keeps when nobody comes any more, if that is more
    than it usually took to serve them."""
    fleet = soak.fleet
    served = statistics.median(s["rss_kb"] for _, s in soak.samples
                               if s["pid"] == fleet.pid)
    if fleet.rss_kb_at_rest <= served * (1 + GROWTH_SHARE) + GROWTH_KB:
        return []
    return [f"{fleet.rss_kb_at_rest} kB at rest, {served} while it served"]


def reasons(outcomes):
    """How often visits failed, by what they were told."""
    return collections.Counter(o.error.partition(":")[0] + ": "
                               + o.error.partition(": ")[2][:60]
                               for o in outcomes if o.error).most_common()


def spread(values):
    values = sorted(values)
    return {"min": values[0], "median": statistics.median(values),
            "max": values[-1]} if values else None


def collect(soak):
    late = soak.unexcused()
    rows = growth(soak.samples)
    wrong = list(soak.violations)
    wrong += [f"{o.way} of {o.user} failed in a calm: {o.error}" for o in late]
    # A sanitizer has memory of its own.
    if not is_sanitized():
        wrong += [f"process {pid}: {late_kb:.0f} kB late in its life, "
                  f"{early_kb:.0f} early"
                  for pid, _, early_kb, late_kb in rows
                  if late_kb > early_kb * (1 + GROWTH_SHARE) + GROWTH_KB]
        wrong += stays_large(soak)
    good = [o for o in soak.outcomes if not o.error]
    return {
        "minutes": soak.options.minutes, "devices": soak.options.devices,
        "seed": soak.options.seed,
        "visits": len(soak.outcomes), "visits_well_ended": len(good),
        "visits_failed_in_storms": len(soak.outcomes) - len(good) - len(late),
        "visits_failed_in_calm": len(late),
        "failures": reasons(soak.outcomes),
        "messages": soak.ledger.counts(),
        "octets_received": soak.ledger.octets_received,
        "trashed_twice": soak.ledger.trashed_twice,
        "visits_well_ended_by_kind": dict(collections.Counter(
            o.kind for o in good)),
        "faults_to_clients": dict(soak.clients.struck),
        "faults_to_upstreams": dict(sum(
            (r.struck for r in soak.backends.relays.values()),
            collections.Counter())),
        "account_changes": soak.fleet.changes.made,
        "tries_with_what_was_revoked": soak.fleet.changes.tried,
        "tokens_issued": soak.tokens_issued,
        "strangers": dict(soak.strangers),
        "rss_kb": spread(s["rss_kb"] for _, s in soak.samples),
        "rss_kb_at_birth_and_rest": (soak.fleet.rss_kb_at_birth,
                                     soak.fleet.rss_kb_at_rest),
        "files": spread(s["files"] for _, s in soak.samples),
        "memory_of_processes": rows,
        "cpu_seconds": soak.cpu_seconds,
        "events": soak.events,
        "wrong": wrong,
    }


def as_text(facts):
    yield (f"# Soak: {facts['minutes']:g} minutes, {facts['devices']} devices, "
           f"seed {facts['seed']}")
    yield ""
    for key, value in facts.items():
        if key not in ("events", "wrong", "failures", "memory_of_processes"):
            yield f"- {key.replace('_', ' ')}: {value}"
    for pid, age, early, late in facts["memory_of_processes"]:
        yield (f"- process {pid}, {age:.0f} s: {early:.0f} kB in the first half "
               f"of its life, {late:.0f} in the second")
    yield ""
    yield "Failed visits by reason:"
    yield ""
    for reason, count in facts["failures"][:20]:
        yield f"- {count} x {reason}"
    yield ""
    yield f"Promises not kept: {len(facts['wrong'])}"
    yield ""
    for line in facts["wrong"][:50]:
        yield f"- {line}"


def write_report(soak, folder):
    """The exit code."""
    facts = collect(soak)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "soak.json"), "w", encoding="utf-8") as f:
        json.dump(facts, f, indent=1)
    text = "\n".join(as_text(facts)) + "\n"
    with open(os.path.join(folder, "soak.md"), "w", encoding="utf-8") as f:
        f.write(text)
    print(text)
    return 1 if facts["wrong"] else 0
