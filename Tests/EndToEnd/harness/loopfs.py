"""File systems of our own: small ones to fill up, and ones whose power can be cut."""

import fcntl
import os
import pathlib
import struct
import subprocess

from .environment import Skip
from .waiting import check

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
MIB = 1 << 20


class LoopFileSystem:
    """An ext4 in a file, mounted through a loop device. Needs root."""

    def __init__(self, env, size_mib, name="disk"):
        if os.geteuid() != 0:
            raise Skip("mounting needs root")
        if not pathlib.Path("/dev/loop-control").exists():
            raise Skip("there are no loop devices")
        self.image = env.path(name + ".img")
        self.mountpoint = env.path(name)
        self.mountpoint.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(size_mib << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0", str(self.image))
        result = run("losetup", "--find", "--show", str(self.image), fails=Skip)
        self.device = result.stdout.strip()
        env.defer(run, "losetup", "--detach", self.device, fails=None)
        self.mounted = False
        env.defer(self.unmount)
        self.mount()

    def mount(self):
        run("mount", "-t", "ext4", self.device, str(self.mountpoint), fails=Skip)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            run("umount", str(self.mountpoint))
            self.mounted = False

    def cut_power(self):
        """From here on nothing reaches the disk, not even the journal's tail."""
        fd = os.open(self.mountpoint, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    @property
    def free_bytes(self):
        found = os.statvfs(self.mountpoint)
        return found.f_bavail * found.f_frsize

    def occupy(self, leave):
        """Another process takes the disk's room, down to `leave` bytes. Returns its file."""
        path = self.path("somebody-elses")
        block = os.urandom(MIB)
        # Unbuffered: a buffer that found no room would be written again, and raise, on closing.
        with open(path, "wb", buffering=0) as file:
            try:
                while self.free_bytes > leave + MIB:
                    file.write(block)
                while self.free_bytes > leave:
                    file.write(block[: min(65536, max(4096, self.free_bytes - leave))])
                os.fsync(file.fileno())
            except OSError:
                pass
        return path

    def path(self, *parts):
        return self.mountpoint.joinpath(*parts)


def run(*command, fails=AssertionError):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode and fails is Skip:
        raise Skip(f"{' '.join(command)}: {result.stderr.strip()}")
    if fails is not None:
        check(not result.returncode, f"{' '.join(command)}: {result.stderr.strip()}")
    return result
