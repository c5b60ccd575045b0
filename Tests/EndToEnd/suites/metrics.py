"""/metrics, /healthz, /readyz and the log lines: what an operator looks at."""

import json
import subprocess

from harness import ROOT, Skip, check
from harness.workload import Load, Receipts, payload

SECONDS = 8


def text_of(server):
    with server.client() as client:
        reply = client.get("/metrics")
    check(reply.status == 200, f"{reply}")
    check(reply.headers["Content-Type"].startswith("text/plain"), f"{reply.headers}")
    return reply.body.decode()


def busy_server(env, *arguments):
    server = env.serve(env.init(height=8), *arguments)
    with server.client() as client:
        for number in range(300):
            client.put(payload(number, 100 + number), f"f{number}", key=f"k{number}")
        client.put(payload(1, 2_000_000), "large")
        client.put(b"x", "../refused")
        client.put(b"x", "f0", key="k0")
        client.get("/v1/records/9999")
    return server


def promtool_path():
    promtool = ROOT / ".cache" / "promtool"
    if not promtool.exists():
        raise Skip("promtool is not there; scripts/setup.sh fetches it")
    return promtool


def test_the_alert_rules_fire_when_they_should(env):
    promtool = promtool_path()
    tests = ("prometheus-rules.test.yaml", "prometheus-rules.days.test.yaml")
    for words in (("check", "rules", "prometheus-rules.yaml"), ("test", "rules", *tests)):
        result = subprocess.run(
            [promtool, *words], cwd=ROOT / "ops", capture_output=True, text=True
        )
        check(result.returncode == 0, f"{result.stdout}{result.stderr}")
    rules = (ROOT / "ops" / "prometheus-rules.yaml").read_text()
    tested = "".join((ROOT / "ops" / name).read_text() for name in tests)
    alerts = [line.split(":")[1].strip() for line in rules.split("\n") if "- alert:" in line]
    for alert in alerts:
        uses = [part for part in tested.split("alertname: ") if part.startswith(alert + "\n")]
        check(any("exp_alerts: []" in part for part in uses), f"{alert} is never seen silent")
        check(any("exp_labels" in part for part in uses), f"{alert} is never seen firing")


def test_promtool_finds_nothing_to_say(env):
    promtool = promtool_path()
    text = text_of(busy_server(env))
    result = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True
    )
    check(result.returncode == 0, f"{result.stdout}{result.stderr}")
    check(not (result.stdout + result.stderr).strip(), f"{result.stdout}{result.stderr}")


def test_a_strict_parser_reads_what_the_issue_names(env):
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError as error:
        raise Skip(f"prometheus-client is not installed: {error}") from None
    families = {f.name: f for f in text_string_to_metric_families(text_of(busy_server(env)))}
    for family in families.values():
        check(family.name.startswith(("strongroom_", "process_")), f"{family.name}")
        check(family.documentation, f"{family.name} has no HELP")
        check(family.type != "unknown", f"{family.name} has no TYPE")
    names = " ".join(families)
    for word in ("append", "bytes", "batch", "commit", "sync", "queue", "refus", "tree_size"):
        check(word in names, f"no metric about {word} in {names}")
    check("reserve" in names or "disk" in names, f"no metric about the disk in {names}")
    for family in families.values():
        if family.type == "histogram":
            check_histogram(family)


def check_histogram(family):
    series = {}
    for sample in family.samples:
        labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
        series.setdefault(labels, {}).setdefault(sample.name.rsplit("_", 1)[-1], []).append(sample)
    for labels, parts in series.items():
        buckets = parts["bucket"]
        counts = [sample.value for sample in buckets]
        check(counts == sorted(counts), f"{family.name}{labels}: buckets are not cumulative")
        check(buckets[-1].labels["le"] == "+Inf", f"{family.name}{labels}: no +Inf")
        check(counts[-1] == parts["count"][0].value, f"{family.name}{labels}: count differs")


def test_counters_never_go_back_and_count(env):
    server = env.serve(env.init())
    with server.client() as client:
        before = client.metrics()
        for number in range(50):
            client.put(b"x", f"f{number}")
        middle = client.metrics()
        with Load(server, Receipts(), "load", clients=4):
            pass
        after = client.metrics()
        size = [k for k in after if "tree_size" in k]
        check(size, "no tree size")
        check(
            before[size[0]] == 1 and middle[size[0]] == 51, f"{before[size[0]]}, {middle[size[0]]}"
        )
        for name, value in before.items():
            if name.split("{")[0].endswith(("_total", "_count", "_bucket", "_sum")):
                check(value <= middle[name] <= after[name], f"{name} went back")
        grown = [k for k in middle if "append" in k and middle[k] - before.get(k, 0) == 50]
        check(grown, "no counter of appends has grown by 50")


def test_health_and_readiness(env):
    server = env.serve(env.init())
    with server.client() as client:
        check(client.get("/healthz").status == 200, "healthz")
        check(client.get("/readyz").status == 200, "readyz")


def test_log_lines_are_one_event_each(env):
    config = env.write("strongroom.yaml", "log:\n  format: json\n")
    server = busy_server(env, "--config", config)
    server.terminate()
    lines = [line for line in server.lines if line.strip() and "listening on" not in line]
    check(lines, "nothing is logged")
    for line in lines:
        event = json.loads(line)
        check(isinstance(event, dict), line)


def test_a_bad_configuration_is_refused_with_its_line(env):
    data = env.init()
    config = env.write("bad.yaml", "# a comment\nno-such-key: 1\n")
    result = env.run("serve", data, "--config", config, expect=2)
    check("no-such-key" in result.err and "2" in result.err, result.err)
    config = env.write("worse.yaml", "a: [1\nb: }\n")
    result = env.run("serve", data, "--config", config, expect=2)
    check("worse.yaml" in result.err, result.err)


def test_the_example_configuration_is_accepted(env):
    example = ROOT / "ops" / "strongroom.example.yaml"
    check(example.exists(), "ops/strongroom.example.yaml is not there")
    env.serve(env.init(), "--config", example).terminate()
