"""A throw-away certificate authority, made with the openssl command."""

import functools
import os
import subprocess


def _openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def _key(path):
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout",
             "-out", path)
    os.chmod(path, 0o600)


class Authority:
    """A CA in |folder|; ca_file is what its peers have to trust."""

    def __init__(self, folder, name="popinjay test CA"):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.ca_file = os.path.join(self.folder, "ca.pem")
        self._ca_key = os.path.join(self.folder, "ca.key")
        _key(self._ca_key)
        _openssl("req", "-x509", "-new", "-key", self._ca_key, "-days", "30",
                 "-subj", f"/CN={name}", "-out", self.ca_file,
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    @functools.lru_cache(None)
    def pair(self, name):
        """As issue(), made when first asked for."""
        return self.issue(name)

    def issue(self, name, sans=("DNS:localhost", "IP:127.0.0.1", "IP:::1"),
              days=30, subject=None):
        """Signs a server certificate; returns (certificate, key) paths.

        A negative |days| gives one that has expired already.
        """
        cert, key, request, ext = (os.path.join(self.folder, f"{name}.{kind}")
                                   for kind in ("pem", "key", "csr", "ext"))
        _key(key)
        with open(ext, "w", encoding="ascii") as f:
            f.write("basicConstraints=critical,CA:FALSE\n"
                    "extendedKeyUsage=serverAuth\n")
            if sans:
                f.write("subjectAltName=" + ",".join(sans) + "\n")
        _openssl("req", "-new", "-key", key, "-subj",
                 f"/CN={subject or name}", "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.ca_file,
                 "-CAkey", self._ca_key, "-CAcreateserial", "-days",
                 str(days), "-extfile", ext, "-out", cert)
        return cert, key
