"""An HTTP server on loopback that gives one answer to every request."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tiny_bodies import CHAT

__all__ = ["Server"]


class Server(ThreadingHTTPServer):
    """Answers every request with `reply`, keeps what it was asked, and sees whether the client left."""

    daemon_threads = True

    def __init__(self, status=200, kind="text/event-stream", pieces=(CHAT,), gap_s=0.0, cut=False, headers=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = (status, kind, pieces, gap_s, cut, headers)
        self.asked = []
        self.left = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        status, kind, pieces, gap_s, cut, headers = self.server.reply
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, dict(self.headers.items()), json.loads(body)))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
                time.sleep(gap_s)
            if not cut:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.server.left.set()
        self.close_connection = True

    def log_message(self, *_):
        pass
