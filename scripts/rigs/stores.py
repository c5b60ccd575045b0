"""S3 stores with Object Lock on loopback: SeaweedFS and Ceph's radosgw.

Each store keeps all that it has in one folder, and takes up its data again when it is started
there once more.
"""

import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import uuid

from daemons import Daemon, RigError, free_ports, get

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCESS_KEY = "rigaccesskey"
SECRET_KEY = "rig/secret+0123456789"
REGION = "us-east-1"


class Store:
    """What both have in common; `port` is that of the S3 interface."""

    name = ""
    port_count = 0

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        if " " in str(self.folder) or "," in str(self.folder):
            raise RigError(f"the servers take no blanks or commas in a path: {self.folder}")
        self.folder.mkdir(parents=True, exist_ok=True)
        # The servers write their addresses into their data: a folder keeps its ports.
        kept = self.folder / "port"
        self.port = int(kept.read_text()) if kept.exists() else free_ports(self.port_count)
        kept.write_text(str(self.port))

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()


class SeaweedFS(Store):
    """All of SeaweedFS in one process; what it has acknowledged survives `kill`."""

    name = "seaweedfs"
    port_count = 8

    def __init__(self, folder):
        super().__init__(folder)
        weed = ROOT / ".cache/venv/bin/weed"
        (self.folder / "data").mkdir(exist_ok=True)
        identity = {
            "name": "rig",
            "actions": ["Admin"],
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        }
        (self.folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
        port = self.port
        self.master = port + 2
        options = {
            "dir": self.folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "s3": "true",
            "s3.config": self.folder / "identities.json",
            # A bucket that is not there is an error, and one with objects is not deleted.
            "s3.autoCreateBucket": "false",
            "s3.allowDeleteBucketNotEmpty": "false",
            "s3.port": port,
            "s3.port.grpc": port + 1,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.port": self.master,
            "master.port.grpc": port + 3,
            # By itself it reports to its makers, and waits long for others of its kind.
            "master.telemetry": "false",
            "master.electionTimeout": "200ms",
            "master.volumeSizeLimitMB": 256,
            "volume.port": port + 4,
            "volume.port.grpc": port + 5,
            "volume.max": 10_000,
            "volume.preStopSeconds": 0,
            "filer.port": port + 6,
            "filer.port.grpc": port + 7,
            # Relative: a socket's path may have 107 bytes.
            "s3.localSocket": "s3.sock",
            "filer.localSocket": "filer.sock",
        }
        self.daemon = Daemon(
            self.name,
            [weed, "server", *(f"-{name}={value}" for name, value in options.items())],
            self.folder,
            # No configuration of the user's; one volume at a time for a bucket, not seven.
            {
                "HOME": str(self.folder),
                "TMPDIR": str(self.folder),
                "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
            },
        )

    def start(self):
        for socket in self.folder.glob("*.sock"):
            socket.unlink()
        self.daemon.start()
        self.daemon.wait_until(self.is_ready)

    def is_ready(self):
        # Before a volume server has registered every GET of an object is an error.
        status = get(self.master, "/dir/status")
        if status is None or b'"VolumeIds"' not in status[1]:
            return False
        answer = get(self.port, "/")
        return answer is not None and answer[0] == 403

    def stop(self):
        # It waits 15 s for streams of its own; nothing is lost by not waiting with it.
        self.daemon.stop(patience_seconds=1)

    def kill(self):
        self.daemon.kill()


class Radosgw(Store):
    """A Ceph cluster of one monitor, one OSD in memory and the gateway.

    The OSD writes its objects down when it is stopped; `kill` ends the gateway alone, which loses
    nothing.
    """

    name = "radosgw"
    port_count = 10

    def __init__(self, folder):
        super().__init__(folder)
        for tool in ("radosgw", "ceph-mon", "ceph-osd"):
            if shutil.which(tool) is None:
                raise RigError(f"{tool} is not installed; scripts/setup.sh test does that")
        self.configuration = self.folder / "ceph.conf"
        if not self.configuration.exists():
            self.make_cluster()
        common = ["-c", self.configuration, "-f"]
        environment = {"CEPH_CONF": str(self.configuration), "CEPH_ARGS": ""}
        self.environment = environment
        self.monitor = Daemon(
            "monitor", ["ceph-mon", "-i", "a", *common], self.folder, environment
        )
        self.osd = Daemon("osd", ["ceph-osd", "-i", "0", *common], self.folder, environment)
        self.daemon = Daemon(
            self.name, ["radosgw", "-n", "client.rgw", *common], self.folder, environment
        )

    def make_cluster(self):
        identifier = uuid.uuid4()
        self.configuration.write_text(cluster_configuration(self.folder, self.port, identifier))
        (self.folder / "keyring").touch()
        (self.folder / "osd-data").mkdir()
        address = f"[v2:127.0.0.1:{self.port + 1}]"
        self.run(
            "monmaptool", "--create", "--clobber", "--fsid", identifier, "--addv", "a", address,
            self.folder / "monmap",
        )
        self.run(
            "ceph-mon", "-c", self.configuration, "-i", "a", "--mkfs",
            "--monmap", self.folder / "monmap",
        )

    def run(self, *command):
        words = [str(word) for word in command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RigError(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")

    def start(self):
        self.monitor.start()
        marker = self.folder / "osd-data" / "made"
        if not marker.exists():
            identifier = uuid.uuid4()
            self.run("ceph", "-c", self.configuration, "osd", "new", identifier, "0")
            self.run(
                "ceph-osd", "-c", self.configuration, "-i", "0", "--mkfs",
                "--osd-uuid", identifier,
            )
            marker.touch()
        self.osd.start()
        user = self.folder / "user-made"
        if not user.exists():
            self.run(
                "radosgw-admin", "-c", self.configuration, "user", "create", "--uid=rig",
                "--display-name=rig", f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}",
            )
            user.touch()
        self.start_gateway()

    def start_gateway(self):
        self.daemon.start()
        self.daemon.wait_until(self.is_ready)

    def is_ready(self):
        answer = get(self.port, "/")
        return answer is not None and answer[0] == 200

    def stop(self):
        # The OSD says good-bye to the monitor.
        for daemon in (self.daemon, self.osd, self.monitor):
            daemon.stop()

    def kill(self):
        self.daemon.kill()


def cluster_configuration(folder, port, identifier):
    """No authentication between the daemons, no copies, no waiting for others."""
    modes = "".join(
        f"{name} = crc\n"
        for name in (
            "ms_cluster_mode", "ms_service_mode", "ms_client_mode", "ms_mon_cluster_mode",
            "ms_mon_service_mode", "ms_mon_client_mode",
        )
    )
    return f"""[global]
fsid = {identifier}
mon_initial_members = a
mon_host = [v2:127.0.0.1:{port + 1}]
ms_bind_msgr1 = false
ms_bind_port_min = {port + 2}
ms_bind_port_max = {port + 9}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
{modes}keyring = {folder}/keyring
run_dir = {folder}
crash_dir = {folder}
admin_socket =
log_file = {folder}/ceph-$name.log
log_to_stderr = false
mon_cluster_log_file = {folder}/cluster.log
mon_data = {folder}/monitor-data
mon_data_avail_warn = 2
mon_data_avail_crit = 1
mon_allow_pool_size_one = true
# Each new pool waits for this: 2 s by default.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
osd_data = {folder}/osd-data
osd_objectstore = memstore
memstore_device_bytes = 8589934592
# Or it would not write its objects down.
osd_fast_shutdown = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
objecter_tick_interval = 0.5
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_enable_usage_log = false
rgw_crypt_require_ssl = false
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = rig-kms-key=c3Ryb25ncm9vbS1yaWctdGVzdC1rZXktMzItYnl0ZXM=
[osd]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
"""


STORES = {store.name: store for store in (SeaweedFS, Radosgw)}


def tests_environment(stores):
    """What tests that need the stores are told; see Tests/S3Tests/Rig.swift."""
    return {
        "STRONGROOM_S3_ENDPOINTS": " ".join(f"{s.name}={s.endpoint}" for s in stores),
        "STRONGROOM_S3_ACCESS_KEY": ACCESS_KEY,
        "STRONGROOM_S3_SECRET_KEY": SECRET_KEY,
        "STRONGROOM_S3_REGION": REGION,
    }


@contextlib.contextmanager
def running(names=tuple(STORES), folder=None):
    """Starts stores; gives the environment that tests need to find them."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="rigs-", ignore_cleanup_errors=True)
            )
        stores = []
        for name in names:
            started = time.monotonic()
            stores.append(stack.enter_context(STORES[name](pathlib.Path(folder) / name)))
            seconds = time.monotonic() - started
            print(f"{name}: {stores[-1].endpoint} in {seconds:.1f} s", flush=True)
        yield tests_environment(stores)
