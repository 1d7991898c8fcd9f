"""What a secure cluster needs: a certificate authority of its own, a certificate for 127.0.0.1, and a password.

All of it is made for one cluster, stays in its folder, and goes with it. The program `openssl` makes the certificates, as Python
has nothing that does.
"""

import os
import secrets
import shutil
import subprocess

from errors import ClusterError, MissingTool

USER = "tradesim"
DAYS = 365
OPENSSL_SECONDS_MAX = 30
NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class Security:
    """The folder `secure` of a cluster."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / "ca.pem"
        # signed nothing of ours: for those who want to see a certificate refused
        self.other_ca = folder / "other-ca.pem"
        # the private key, the certificate and the authority, as Kafka and Python read them
        self.server = folder / "server.pem"
        self.password_file = folder / "password"
        self.registry_auth_file = folder / "registry.auth"

    def exists(self):
        return self.registry_auth_file.exists()

    def password(self):
        return self.password_file.read_text(encoding="utf-8").strip()

    def create(self):
        """Makes what is not there. The last file says that all of it is."""
        if self.exists():
            return
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for name, file in (("tradesim test CA", self.ca), ("another CA", self.other_ca)):
            key = file.with_suffix(".key")
            _openssl("req", "-x509", *_new_key(key), "-subj", f"/CN={name}", "-days", str(DAYS), "-out", file)
        key, request, signed = (self.folder / f"server.{kind}" for kind in ("key", "csr", "crt"))
        _openssl("req", *_new_key(key), "-subj", "/CN=127.0.0.1", "-out", request)
        names = self.folder / "server.names"
        names.write_text(NAMES + "\n", encoding="utf-8")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca.with_suffix(".key"), "-set_serial", "1",
                 "-days", str(DAYS), "-extfile", names, "-out", signed)
        self._write(self.server, "".join(file.read_text(encoding="utf-8") for file in (key, signed, self.ca)))
        self._write(self.password_file, secrets.token_urlsafe(18) + "\n")
        self._write(self.registry_auth_file, f"basic {USER}:{self.password()}\n")

    @staticmethod
    def _write(path, text):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)


def _new_key(path):
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path


def _openssl(*arguments):
    path = shutil.which("openssl")
    if not path:
        raise MissingTool("no openssl: install it (Debian: openssl); it makes the certificates of a secure cluster")
    done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          timeout=OPENSSL_SECONDS_MAX)
    if done.returncode != 0:
        raise ClusterError(f"openssl {arguments[0]}: {done.stderr.strip()[-500:]}")
