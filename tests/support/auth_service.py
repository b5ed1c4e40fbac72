"""An authentication service that speaks nginx's auth_http protocol, and nginx's
own mail proxy, which asks it too."""

import http.server
import os
import signal
import subprocess
import threading

from support.ports import LOOPBACK, answers, free_port, wait_until


class AuthService:
    """Answers what |rule| says of the fields of a question, a dictionary: the
    fields of the answer, or a tuple of the status and them. What it raises cuts
    the connection.

    pair: certificate and key; None: clear text
    """

    def __init__(self, rule, context=None):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service.seen.append(dict(self.headers.items()))
                answer = rule(service.seen[-1])
                status, fields = answer if isinstance(answer, tuple) else (
                    200, answer)
                self.send_response(status)
                for name, value in fields.items():
                    # As octets: names and passwords may be of any letters.
                    self._headers_buffer.append(
                        f"{name}: {value}\r\n".encode())
                self.end_headers()

            def log_message(self, *_):
                pass

        self.rule = rule
        self.seen = []
        self._server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        if context:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = (f"{'https' if context else 'http'}://localhost:"
                    f"{self.port}/auth")

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,),
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


CONFIG = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr info;
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
events {{ }}
mail {{
    auth_http {host}:{service}/auth;
    auth_http_header X-Auth-Key "{key}";
    pop3_auth plain apop cram-md5;
    server_name nginx.example;
    resolver {host}:{port};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {private_key};
    server {{
        listen {host}:{port};
        protocol pop3;
    }}
    server {{
        listen {host}:{tls_port} ssl;
        protocol pop3;
    }}
}}
"""


class Nginx:
    """nginx's mail proxy for POP3, in |folder|, before what |service| says.

    pair: certificate and key of its second port, which has TLS
    """

    def __init__(self, folder, service, key, pair):
        self._folder = str(folder)
        self.port, self.tls_port = free_port(), free_port()
        self._process = None
        self._path = os.path.join(self._folder, "nginx.conf")
        with open(self._path, "w", encoding="ascii") as f:
            f.write(CONFIG.format(service=service.port, key=key,
                                  host=LOOPBACK, port=self.port,
                                  tls_port=self.tls_port,
                                  certificate=pair[0], private_key=pair[1]))

    def __enter__(self):
        with open(self._path + ".log", "wb") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/nginx", "-p", self._folder, "-c", self._path,
                 "-e", "stderr"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        try:
            wait_until(self._is_up, 10, "nginx")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _is_up(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"nginx ended: {self.log()}")
        return answers(self.port) and answers(self.tls_port)

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log(self):
        with open(self._path + ".log", encoding="utf-8") as f:
            return f.read()
