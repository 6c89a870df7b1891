"""A real Slurm on one machine: munged, slurmctld and several slurmd, one for each node. They run below one directory and as the
user who runs the tests, with a separate key, sockets and ports. An installed Slurm of the machine stays unchanged."""
import os
import pwd
import signal
import socket
import subprocess
import time
from pathlib import Path

from e2e import run

CONFIGURATION = """ClusterName=bake
SlurmctldHost=localhost
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket,cred_expire=10
SlurmctldPort={ports[0]}
SlurmctldPidFile={directory}/slurmctld.pid
SlurmctldLogFile={directory}/slurmctld.log
StateSaveLocation={directory}/state
SlurmdPidFile={directory}/%n.pid
SlurmdLogFile={directory}/%n.log
SlurmdSpoolDir={directory}/spool-%n
SlurmctldTimeout=10
SlurmdTimeout=6
KillWait=20
InactiveLimit=0
MinJobAge=3600
ReturnToService=2
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,sched_interval=2,requeue_delay=1
{nodes}
PartitionName=bake Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(count):
    """Ports that no process listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for item in sockets:
        item.bind(("127.0.0.1", 0))
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def descendants(pid):
    """`pid` and every process below it."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(parent_of(entry.name), []).append(int(entry.name))
            except OSError:
                continue  # it has ended
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, []))
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Cluster:
    def __init__(self, directory, nodes=2):
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o755)
        self.nodes = [f"node{number}" for number in range(nodes)]
        self.daemons = {}
        self.logs = []
        ports = free_ports(nodes + 1)
        for name in ("munge", "state", *(f"spool-{node}" for node in self.nodes)):
            (self.directory / name).mkdir(mode=0o755)
        lines = "\n".join(f"NodeName={node} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port} CPUs=1 State=UNKNOWN"
                          for node, port in zip(self.nodes, ports[1:]))
        self.configuration = self.directory / "slurm.conf"
        self.configuration.write_text(CONFIGURATION.format(
            user=pwd.getpwuid(os.getuid()).pw_name, directory=self.directory, ports=ports, nodes=lines))
        self.environment = {**os.environ, "SLURM_CONF": str(self.configuration)}

    def start(self):
        """Starts all daemons and waits until every node accepts jobs."""
        key = self.directory / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        munge = self.directory / "munge"
        self.launch("munged", "/usr/sbin/munged", "--foreground", "--force", f"--socket={munge}/socket", f"--key-file={key}",
                    f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed", "--num-threads=2")
        self.wait_for("munged's socket", (munge / "socket").exists)
        self.launch("slurmctld", "/usr/sbin/slurmctld", "-D", "-c")
        self.wait_for("slurmctld", lambda: self.run("scontrol", "ping", check=False).returncode == 0)
        for node in self.nodes:
            self.start_node(node)
        self.wait_for("the nodes", lambda: self.run("sinfo", "-hNo", "%T").stdout.split() == ["idle"] * len(self.nodes))

    def start_node(self, node):
        self.launch(node, "/usr/sbin/slurmd", "-D", "-N", node)

    def launch(self, name, *command):
        log = open(self.directory / f"{name}.out", "ab")
        self.logs.append(log)
        self.daemons[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                              start_new_session=True)

    def run(self, *command, check=True):
        return run(*command, check=check, env=self.environment)

    def wait_for(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not after {seconds} s\n{self.said()}")
            time.sleep(0.2)

    def said(self):
        """The last lines of the daemons' logs."""
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                         for log in sorted(self.directory.glob("*.log")) + sorted(self.directory.glob("*.out")))

    def step_daemons(self, node=None):
        """The slurmstepd of the jobs on `node`, or on all nodes. slurmstepd is not a child of slurmd, so it is found as a parent of
        the processes that have the node's name in their environment."""
        found = set()
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "environ").read_bytes().split(b"\0")
                if f"SLURM_CONF={self.configuration}".encode() not in words or not entry.name.isdigit():
                    continue
                if not any(word.startswith(f"SLURMD_NODENAME={node or ''}".encode()) for word in words):
                    continue
                pid = int(entry.name)
                while pid > 1 and Path(f"/proc/{pid}/comm").read_text().strip() != "slurmstepd":
                    pid = parent_of(pid)
                found.add(pid)
            except OSError:
                continue  # it has ended
        return found - {0, 1}

    def lose_node(self, node):
        """Kills slurmd and every process of its jobs at once, as if the machine lost power. The step daemons go first, because
        they would report the end of their job."""
        daemon = self.daemons.pop(node)
        daemon.kill()
        for step in self.step_daemons(node):
            for pid in descendants(step):
                kill(pid)
        daemon.wait()

    def stop(self):
        """Ends every daemon and every process of its jobs."""
        for daemon in reversed(list(self.daemons.values())):
            for pid in descendants(daemon.pid):
                kill(pid)
            daemon.wait()
        self.daemons.clear()
        for step in self.step_daemons():
            for pid in descendants(step):
                kill(pid)
        for log in self.logs:
            log.close()
