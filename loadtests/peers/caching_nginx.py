"""nginx that keeps what one origin has answered, as the measure of a server that keeps answers itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from loadtests import processes
from loadtests.contest import started
from loadtests.server import free_port

CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off; server_tokens off; sendfile off; tcp_nodelay on; keepalive_requests 1000000000;
    open_file_cache max=50000 inactive=1h; open_file_cache_valid 1h;
    client_body_buffer_size 16k;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=answers:64m max_size=1g inactive=1h use_temp_path=off;
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location / {{
            proxy_pass http://127.0.0.1:{origin};
            proxy_cache answers;
            proxy_cache_valid 200 1h;
            proxy_ignore_headers Cache-Control Vary;
            {directives}
        }}
    }}
}}
"""


@contextmanager
def caching_nginx(folder: Path, origin: int, directives: str, cores: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Its port and its processes. `origin` is a port; `directives` say what an answer is kept by."""
    folder.mkdir()
    port = free_port()
    text = CONFIG.format(folder=folder, port=port, origin=origin, directives=directives)
    (folder / "nginx.conf").write_text(text)
    for each in (folder.parent, folder):
        each.chmod(0o755)  # its worker may run as somebody else
    argv = ["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with started(argv, folder / "log", cores, partial(listens, port), {}) as pid:
        yield port, processes.family(pid)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
