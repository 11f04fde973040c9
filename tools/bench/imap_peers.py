"""imap_peers.py - the servers that tools/bench/imap.py measures: a node of ours, and Dovecot with Maildir and mdbox

Each has start(), stop(), port, cafile, user(mailbox) and pids(): the processes whose CPU time counts.
"""
import os
import shutil
import socket
import subprocess
import time

from store_peers import free_port

DOVECOT_CONF = """
protocols = imap
base_dir = {top}/run
state_dir = {top}/run
log_path = {top}/log
listen = 127.0.0.1
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
first_valid_gid = 1
mail_location = {location}
mail_max_userip_connections = 1000
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = allow_all_users=yes uid=nobody gid=nogroup home={mail}/%n
}}
service imap-login {{
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
  }}
}}
{more}
"""
XAPIAN = """
mail_plugins = fts fts_xapian
plugin {
  fts = xapian
  fts_xapian = partial=3 full=20 verbose=0
  fts_autoindex = no
  fts_enforced = yes
}
service indexer-worker {
  vsz_limit = 2G
}
"""


def give_away(folder):
    for at, _, names in os.walk(folder):
        for name in ["", *names]:
            shutil.chown(os.path.join(at, name), "nobody", "nogroup")


class Dovecot:
    """kind: maildir, mdbox, or xapian (a Maildir with a full-text index). mail: folder of users' mail."""

    def __init__(self, kind, top, mail, tls):
        self.name, self.top, self.mail, self.port = f"dovecot {kind}", top, mail, free_port()
        self.cafile, self.process = os.path.join(tls, "cert.pem"), None
        self.conf = os.path.join(top, "dovecot.conf")
        location = {"maildir": f"maildir:{mail}/%n/maildir", "mdbox": f"mdbox:{mail}/%n/mdbox",
                    "xapian": f"maildir:{mail}/%n/maildir:INDEX={mail}/%n/xapian"}[kind]
        for name in ("cert.pem", "key.pem"):
            shutil.copy(os.path.join(tls, name), top)
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(DOVECOT_CONF.format(top=top, location=location, mail=mail, port=self.port,
                                        cert=os.path.join(top, "cert.pem"), key=os.path.join(top, "key.pem"),
                                        more=XAPIAN if kind == "xapian" else ""))

    def doveadm(self, *command, limit=3600):
        done = subprocess.run(["doveadm", "-c", self.conf, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=limit, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"doveadm {command[0]} ended with {done.returncode}: {done.stderr[-400:]!r}")

    def start(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.conf])
        for _ in range(500):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("Dovecot did not start")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def user(self, mailbox):
        return mailbox, "any"

    def pids(self):
        """The master and all below it."""
        below, found = {}, [self.process.pid]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    below.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(pid))
            except OSError:
                continue
        for pid in found:
            found += below.get(pid, [])
        return found


class Ours:
    """One way of the node: its streams by local sockets or through the broker. A change restarts the node."""

    def __init__(self, node, instance, passwords, local):
        self.name = "ours, local socket" if local else "ours, through the broker"
        self.node, self.instance, self.passwords, self.local = node, instance, passwords, local
        self.port, self.cafile = node.port(993), os.path.join(node.data, "tls", "cert.pem")

    def start(self):
        path = os.path.join(self.node.data, "node.conf")
        with open(path, encoding="utf-8") as f:
            lines = [line for line in f if not line.startswith("local_streams")]
        wanted = lines + [f"local_streams = {'yes' if self.local else 'no'}\n"]
        if getattr(self.node, "local_now", None) == self.local and self.node.process is not None:
            return
        self.node.stop()
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(wanted)
        self.node.start()
        self.node.local_now = self.local

    def stop(self):
        pass  # the next one stops the node when it needs another way

    def user(self, mailbox):
        return f"{self.instance}/{mailbox}", self.passwords[mailbox]

    def pids(self):
        return [pid for actor in ("gateway", "broker", f"instance/{self.instance}") for pid in self.node.pids(actor)]


def cpu_seconds(pids):
    """CPU time so far by program: those and what they have reaped."""
    ticks, total = os.sysconf("SC_CLK_TCK"), {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        total[name] = total.get(name, 0) + sum(int(word) for word in rest.split()[11:15]) / ticks
    return total
